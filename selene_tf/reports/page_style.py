"""The style sheet of a report's page: light and dark, wide and narrow, on paper."""

# The lines are the colours of Okabe and Ito (2008), which those who see fewer colours
# tell apart; in the dark they are lighter.
STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1c1c1e; --muted: #5f6368; --rule: #d5d7db; --shade: #f4f5f7;
  --line-1: #0072b2; --line-2: #d55e00; --line-3: #00795b; --line-4: #b0578d;
  --line-5: #8a6d00; --line-6: #3a8fc4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #16181c; --ink: #e8eaed; --muted: #a2a8b0; --rule: #3c4149;
    --shade: #20242a;
    --line-1: #56b4e9; --line-2: #f0803c; --line-3: #2fc39a; --line-4: #e39ac3;
    --line-5: #e6c34a; --line-6: #9fd3f5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.2rem; max-width: 76rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; border-top: 1px solid var(--rule);
  padding-top: 1rem; }
h3 { font-size: 1.02rem; margin: 1.5rem 0 .4rem; }
p, figcaption, .note { color: var(--muted); margin: .3rem 0; max-width: 65ch; }
.scroll { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .6rem; text-align: right; border-bottom: 1px solid var(--rule);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
td.text, th.text { text-align: left; white-space: normal; min-width: 9rem; }
thead th { border-bottom: 2px solid var(--rule); }
.grid { display: grid; gap: 1rem; margin: .8rem 0; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr)); }
figure { margin: 0; background: var(--shade); border-radius: .5rem; padding: .6rem; }
figure svg, figure img { width: 100%; height: auto; display: block; }
figure.wide { overflow-x: auto; }
figure.wide svg { min-width: 28rem; }
.two { display: flex; flex-wrap: wrap; gap: 0 2.5rem; }
.two > div { min-width: 0; max-width: 100%; }
.bar { display: inline-block; height: .6rem; width: calc(var(--share) * 7rem);
  background: var(--line-1); border-radius: 2px; }
.matrix td { min-width: 2.6rem; text-align: center; padding: .2rem .3rem;
  background: color-mix(in srgb, var(--line-1) calc(var(--share) * 70%), transparent); }
.matrix td:first-child { background: none; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1rem; font-size: .85rem; }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem;
  border: 1px solid var(--rule); vertical-align: -1px; }
.small { font-size: .7rem; }
.small td, .small th { min-width: 0; padding: .1rem .2rem; }
details { margin: .6rem 0; }
summary { cursor: pointer; color: var(--line-1); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .6rem 0; }
a { color: var(--line-1); }
@media print {
  :root { --page: #fff; --ink: #000; --muted: #333; --rule: #999; --shade: #fff; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .alone details::details-content { content-visibility: visible; block-size: auto; }
  table { font-size: 7pt; }
  .small { font-size: 4.5pt; }
  th, td { padding: .1rem .25rem; }
  figure, tr { break-inside: avoid; }
  h1, h2, h3 { break-after: avoid; }
  .scroll, figure.wide { overflow: visible; }
  figure.wide svg { min-width: 0; }
}
"""
