/** Refreshes the page in place every ten seconds: what is open stays open, and the keyboard stays where it is. */
export const pageScript = `'use strict'
const every = 10000
const stale = document.getElementById('stale')
async function refresh() {
  try {
    const answer = await fetch('/', { cache: 'no-store', signal: AbortSignal.timeout(every) })
    if (!answer.ok) throw new Error(answer.statusText)
    show(new DOMParser().parseFromString(await answer.text(), 'text/html'))
    stale.hidden = true
  } catch {
    stale.hidden = false
  }
  setTimeout(refresh, every)
}
function show(next) {
  const open = [...document.querySelectorAll('details[open]')].map(({ id }) => id)
  const at = document.activeElement?.closest('details')?.id
  document.title = next.title
  const heading = document.querySelector('h1')
  const nextHeading = next.querySelector('h1')
  if (heading.textContent !== nextHeading.textContent) heading.textContent = nextHeading.textContent
  heading.className = nextHeading.className
  document.querySelector('#as-of').replaceWith(next.querySelector('#as-of'))
  for (const id of open) next.getElementById(id)?.setAttribute('open', '')
  document.querySelector('main').replaceWith(next.querySelector('main'))
  if (at) document.getElementById(at)?.querySelector('summary')?.focus({ preventScroll: true })
}
setTimeout(refresh, every)
`
