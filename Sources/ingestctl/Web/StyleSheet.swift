/// The one style sheet: contrast above 4.5, a visible focus, light and dark.
enum StyleSheet {
    static let text = """
        :root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #f2f4f7; --line: #c4cbd4; --link: #0b57a4; --mark: #ffe680; --warn: #9a3412; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e8ebef; --paper: #15181c; --soft: #22272e; --line: #454d57; --link: #8ec2ff; --mark: #6b5900; --warn: #ffb086; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        a { color: var(--link); }
        a:focus-visible, input:focus-visible, select:focus-visible, button:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
        .skip { position: absolute; left: -99rem; }
        .skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem; }
        header { background: var(--soft); border-bottom: 1px solid var(--line); padding: .5rem 1rem; display: flex; gap: 1.5rem; align-items: baseline; flex-wrap: wrap; }
        header p { margin: 0; font-weight: 600; }
        nav ul { display: flex; gap: 1rem; list-style: none; margin: 0; padding: 0; }
        nav a[aria-current] { font-weight: 700; text-decoration: none; border-bottom: 3px solid var(--link); }
        main { max-width: 76rem; margin: 0 auto; padding: 1rem; }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; } h1, h2, h3, header p { overflow-wrap: anywhere; }
        .columns > *, dl > *, .graphs > * { min-width: 0; }
        form { display: flex; gap: .75rem; flex-wrap: wrap; align-items: end; margin-bottom: 1rem; }
        form div { display: flex; flex-direction: column; }
        .wide { flex: 1 1 24rem; }
        input, select, button { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--ink); border-radius: 4px; padding: .4rem .6rem; }
        button { background: var(--link); color: var(--paper); border-color: var(--link); cursor: pointer; }
        ol.hits { padding-left: 1.5rem; } ol.hits li { margin-bottom: 1.25rem; }
        .place { font-size: .9rem; overflow-wrap: anywhere; margin: 0; }
        mark { background: var(--mark); color: inherit; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
        thead th { background: var(--soft); }
        .number { text-align: right; font-variant-numeric: tabular-nums; }
        .warn { color: var(--warn); font-weight: 600; }
        .columns { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; }
        @media (max-width: 60rem) { .columns { grid-template-columns: 1fr; } }
        .text { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); padding: .75rem; max-height: 70vh; overflow: auto; }
        .text span:target, article:target { background: var(--mark); }
        article { border: 1px solid var(--line); border-radius: 4px; padding: .5rem .75rem; margin-bottom: .75rem; }
        article pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: inherit; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
        .graphs { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
        figure { margin: 0; border: 1px solid var(--line); padding: .5rem; } figcaption { font-weight: 600; }
        svg { width: 100%; height: 8rem; display: block; } svg polyline { fill: none; stroke: var(--link); stroke-width: 2; vector-effect: non-scaling-stroke; } svg line { stroke: var(--line); vector-effect: non-scaling-stroke; }

        """
}
