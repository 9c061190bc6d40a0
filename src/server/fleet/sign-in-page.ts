import { html } from '../../page/html.ts'
import { htmlDocument } from '../../page/html-document.ts'

/** How the form is shown. */
export interface SignInForm {
  /** The page that was asked for: where a sign-in leads. */
  readonly to: string
  /** Why it is shown again; null: it is shown for the first time. */
  readonly error: string | null
  /** Another site led here, and a browser sends no cookie with that: whoever has signed in goes on by a link. */
  readonly isFromElsewhere: boolean
}

/** The form for an operator's token. What was typed is in no answer. */
export function signInPage({ to, error, isFromElsewhere }: SignInForm): string {
  return htmlDocument({
    title: 'Sign in',
    at: '/fleet',
    body: html`
<main class="card sign-in">
<h1>Sign in to the fleet</h1>
${isFromElsewhere ? html`<p>You came by a link of another site. If you have signed in already: <a href="${to}">go on to the page</a>.</p>` : html``}
${error === null ? html`` : html`<p class="bad" id="error" role="alert">${error}</p>`}
<form method="post" action="/fleet/sign-in">
<input type="text" autocomplete="username" value="operator" hidden>
<label for="token">Token of an operator</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password" maxlength="512" spellcheck="false" ${error === null ? html`` : html`aria-describedby="error" aria-invalid="true"`}>
<input type="hidden" name="to" value="${to}">
<button type="submit">Sign in</button>
</form>
<p class="soft">A reader’s token suffices: <code>waxseal control-plane operator add NAME --role reader</code>. The first admin’s is the file <code>operator-token</code> of the data directory. A session lasts twelve hours, and one hour without a call.</p>
</main>`,
  })
}
