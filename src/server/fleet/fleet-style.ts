import { pageStyle } from '../../page/page-style.ts'

/** The style sheet of the host's page, and what a fleet has beside it: a menu, counts with bars, filters, pages. */
export const fleetStyle = `${pageStyle}
body { max-width: 76rem; }
.bar-top { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; align-items: center; margin: 0 0 1rem; padding: 0 0 .6rem; border-bottom: 1px solid var(--line); }
.bar-top strong { margin-right: .4rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: 0; padding: 0; list-style: none; }
nav a[aria-current] { color: var(--text); font-weight: 600; text-decoration: none; border-bottom: 3px solid var(--link); }
.viewer { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: center; margin-left: auto; }
main:focus { outline: none; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; margin-top: 1.2rem; align-items: start; }
.cards .card { margin: 0; }
.card h2 { margin: 0 0 .5rem; }
.counts { margin: 0; padding: 0; list-style: none; }
.counts li { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; align-items: center; padding: .25rem 0; border-bottom: 1px solid var(--line); }
.counts li:last-child { border-bottom: 0; }
.counts .number { font-variant-numeric: tabular-nums; text-align: right; }
.counts .bar, .counts .soft { grid-column: 1 / -1; }
.counts .soft { font-size: .9rem; }
.bar { display: block; width: 100%; height: .3rem; margin: .15rem 0; border-radius: .15rem; background: var(--line); }
.bar rect { fill: var(--link); }
.bar.good rect { fill: var(--good); }
.bar.warn rect { fill: var(--warn); }
.bar.bad rect { fill: var(--bad); }
.label { display: inline-block; margin: .1rem .2rem 0 0; padding: 0 .4rem; border: 1px solid var(--line); border-radius: .3rem; font-size: .85rem; }
.notice { margin: .6rem 0; padding: .5rem .7rem; background: var(--warn-ground); border-radius: .3rem; }
.filters { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: end; margin: 1rem 0; }
label { display: block; color: var(--soft); font-size: .9rem; }
input, select, button { font: inherit; color: inherit; padding: .35rem .6rem; border: 1px solid var(--soft); border-radius: .3rem; background: var(--card); max-width: 100%; }
button { cursor: pointer; font-weight: 600; }
.viewer button { padding: .1rem .6rem; font-weight: normal; font-size: .9rem; }
.pages { display: flex; gap: 1.5rem; margin: 1rem 0; }
.sign-in { max-width: 32rem; margin: 3rem auto; }
.sign-in form { margin: .8rem 0; }
.sign-in input { width: 100%; margin: .3rem 0 .8rem; }
td .soft { display: block; }
@media (min-width: 60rem) { td:first-child { min-width: 17rem; } }
td time + .soft { display: inline; }
@media (max-width: 42rem) {
  .filters { display: grid; grid-template-columns: 1fr 1fr; }
  .filters > * { min-width: 0; }
  .filters input, .filters select { width: 100%; }
  .viewer { margin-left: 0; }
}
`
