import { type Html, html } from './html.ts'

/** What a page is made of. */
export interface HtmlParts {
  readonly title: string
  /** Where its style and its icon are: before `/page.css` and `/icon.svg`. */
  readonly at: string
  /** Beside the style. */
  readonly head?: Html
  readonly body: Html
}

/** The frame of every page, as text. */
export function htmlDocument({ title, at, head = html``, body }: HtmlParts): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} – Waxseal</title>
<link rel="icon" href="${at}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${at}/page.css">
${head}</head>
<body>${body}
</body>
</html>
`.markup
}
