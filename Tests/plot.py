"""Line charts as SVG, for the pages of docs: no library, so that a chart is the same on every machine."""
import html
import pathlib

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 190, 70, 20, 34, 34
COLOURS = ["#0b5cad", "#b3400a", "#2a7a3b", "#7a2a8a"]


def nice(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value > 0:
        power /= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value) if value > 0 else 1


def number(value: float) -> str:
    return f"{value / 1e6:g} M" if abs(value) >= 1e6 else f"{value / 1e3:g} k" if abs(value) >= 1e4 else f"{value:g}"


def charts(path: pathlib.Path, title: str, x_label: str, panels: list[tuple[str, dict[str, list[tuple[float, float]]]]], limits: dict[str, float] = {}) -> None:
    """Panels one below the other with one x axis: the title of each, and its lines. `limits` draws a dashed line into the panel of that title."""
    end = max(x for _, lines in panels for points in lines.values() for x, _ in points) or 1
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT * len(panels) + 40}" font-family="sans-serif" font-size="12" role="img" aria-label="{html.escape(title)}">',
           f'<rect width="100%" height="100%" fill="#fff"/><text x="{LEFT}" y="20" font-size="15" font-weight="bold">{html.escape(title)}</text>']
    for place, (name, lines) in enumerate(panels):
        top = 30 + place * HEIGHT
        high = nice(max([y for points in lines.values() for _, y in points] + [limits.get(name, 0)]))
        x = lambda value: LEFT + (WIDTH - LEFT - RIGHT) * value / end
        y = lambda value: top + HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / high
        out.append(f'<text x="{LEFT}" y="{top + 22}">{html.escape(name)}</text>')
        for step in range(5):
            value = high * step / 4
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/><text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end" fill="#444">{number(value)}</text>')
        for step in range(9):
            value = end * step / 8
            out.append(f'<text x="{x(value):.1f}" y="{top + HEIGHT - BOTTOM + 16}" text-anchor="middle" fill="#444">{value:g}</text>')
        if name in limits:
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(limits[name]):.1f}" y2="{y(limits[name]):.1f}" stroke="#a00" stroke-dasharray="6 4"/>')
        for colour, (label, points) in zip(COLOURS, lines.items()):
            out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="' + " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points) + '"/>')
        for index, label in enumerate(lines):
            out.append(f'<text x="{WIDTH - RIGHT - 150 * (len(lines) - index)}" y="{top + 22}" fill="{COLOURS[index]}">{html.escape(label)}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT * len(panels) + 34}" text-anchor="middle">{html.escape(x_label)}</text></svg>')
    path.write_text("\n".join(out) + "\n")
