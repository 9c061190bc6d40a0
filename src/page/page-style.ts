/** The style sheet: one column, readable on a phone, light and dark by the reader's own setting. */
export const pageStyle = `:root {
  color-scheme: light dark;
  --ground: #f4f3ef; --card: #fff; --text: #1c1b19; --soft: #5c5953; --line: #d9d6cf;
  --good: #17612f; --good-ground: #e2f3e6; --warn: #7a4a00; --warn-ground: #fdf0d5; --bad: #a3131c; --bad-ground: #fde6e5;
  --link: #1a4fa0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #171614; --card: #22201d; --text: #eceae5; --soft: #b3afa6; --line: #3d3a35;
    --good: #85d69a; --good-ground: #173322; --warn: #f0c272; --warn-ground: #3a2c11; --bad: #ff9f9a; --bad-ground: #431b1b;
    --link: #9cc3ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.8rem; line-height: 1.2; }
h1.good, .badge.good { color: var(--good); }
h1.warn, .badge.warn { color: var(--warn); }
h1.bad, .badge.bad, p.bad { color: var(--bad); }
h2 { margin: 1.8rem 0 .6rem; font-size: 1.2rem; }
h3 { margin: 0; font-size: 1.05rem; }
p { margin: .3rem 0; }
a { color: var(--link); }
.soft { color: var(--soft); font-weight: normal; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; padding: .3rem .6rem; background: var(--card); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
#targets:focus { outline: none; }
.card { margin: 0 0 1rem; padding: .9rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.card.bad { border-left: 5px solid var(--bad); }
.card.warn { border-left: 5px solid var(--warn); }
.card.good { border-left: 5px solid var(--good); }
article > header { display: flex; flex-wrap: wrap; gap: .3rem 1rem; align-items: center; justify-content: space-between; }
.badge { display: inline-block; padding: 0 .5rem; border-radius: 1rem; font-size: .9rem; font-weight: 600; white-space: nowrap; }
.badge.good { background: var(--good-ground); }
.badge.warn { background: var(--warn-ground); }
.badge.bad { background: var(--bad-ground); }
.problems { margin: .6rem 0; padding: .5rem .7rem .5rem 1.7rem; background: var(--bad-ground); border-radius: .3rem; }
.card.warn .problems, dd .problems { background: var(--warn-ground); }
.plain { margin: .2rem 0 .7rem; padding-left: 1.2rem; }
dl { margin: .6rem 0; }
dl.card { margin: 0; }
dl > div { display: grid; grid-template-columns: 13rem 1fr; gap: 0 1rem; padding: .15rem 0; }
dt { color: var(--soft); }
dd { margin: 0; }
code { font: .9em/1.4 ui-monospace, monospace; }
table { width: 100%; margin: .8rem 0 0; border-collapse: collapse; }
caption { text-align: left; font-weight: 600; }
th { color: var(--soft); font-size: .85rem; font-weight: 600; }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
details { margin-top: .8rem; }
summary { cursor: pointer; padding: .2rem 0; }
.steps { display: flex; flex-wrap: wrap; gap: .3rem; margin: .5rem 0 0; padding: 0; list-style: none; }
.steps li { display: flex; gap: .5rem; padding: 0 .5rem; border: 1px solid var(--line); border-radius: .3rem; font-size: .9rem; }
.steps li span + span { color: var(--soft); }
footer { margin-top: 1.5rem; font-size: .9rem; }
[hidden] { display: none; }
@media (max-width: 42rem) {
  dl > div { grid-template-columns: 1fr; padding: .3rem 0; }
  thead { position: absolute; left: -99rem; }
  tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  td { display: grid; grid-template-columns: 7rem 1fr; border: 0; padding: .1rem 0; }
  td::before { content: attr(data-head); color: var(--soft); }
}
`

/** The icon: a seal. */
export const pageIcon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="14" fill="#a3131c"/><path d="m9 16 5 5 9-10" fill="none" stroke="#fff" stroke-width="3.5"/></svg>
`
