"""Two learning curves, pre-norm and post-norm, as one table and one picture:

    python -m model.norm_curves --pre OUT_PRE --post OUT_POST --out checkpoints/norm-placement

OUT_PRE and OUT_POST are runs of model.train that differ in `--norm` only. Writes .csv (epoch, step, and the
validation loss of each) and .svg beside it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from model.command import Parser, execute, reporting, write
from model.data import DataError
from model.files import read_json, replacing

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 400, 70, 50, 150, 60
COLOURS = {"pre": "#0b6e99", "post": "#b5541c"}
LABELS = {"pre": "pre-norm", "post": "post-norm"}
Curve = list[tuple[int, float]]
"""(step, validation loss in nats a token) after each epoch."""


def read_curve(run: Path) -> Curve:
    """The validation losses that a run has logged; raises DataError where there are none."""
    path = run / "log.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            curve = [(int(row["step"]), float(row["val_loss"])) for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except (KeyError, ValueError, TypeError):
        raise DataError(f"{path} is not the log of a run.") from None
    if len(curve) < 2:
        raise DataError(f"{path} holds fewer than two epochs.")
    return curve


def equal_but_for_norm(pre: Path, post: Path) -> None:
    """Raises DataError unless the two runs differ in the place of their norms alone."""
    cards, configs = ([read_json(run / name) for run in (pre, post)] for name in ("card.json", "config.json"))
    if (configs[0].pop("norm"), configs[1].pop("norm")) != ("pre", "post"):
        raise DataError("The first run must be pre-norm, the second post-norm.")
    if configs[0] != configs[1] or cards[0]["options"] != cards[1]["options"]:
        raise DataError("The two runs differ in more than the place of their norms.")


def table(curves: dict[str, Curve]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["epoch", "step", *(f"{name}_val_loss" for name in curves)])
    for epoch, rows in enumerate(zip(*curves.values(), strict=True), 1):
        writer.writerow([epoch, rows[0][0], *(loss for _, loss in rows)])
    return file.getvalue()


def picture(curves: dict[str, Curve]) -> str:
    """An SVG: validation loss over steps, one line a run, labelled at its end."""
    top = max(loss for curve in curves.values() for _, loss in curve)
    last = max(step for curve in curves.values() for step, _ in curve)

    def x(step: float) -> float:
        return round(LEFT + step / last * (WIDTH - LEFT - RIGHT), 1)

    def y(loss: float) -> float:
        return round(HEIGHT - BOTTOM - loss / top * (HEIGHT - TOP - BOTTOM), 1)

    parts = [text(LEFT, 28, "Validation loss, the same run but for the place of the norm", size=17)]
    for nats in range(int(top) + 1):
        parts.append(f'<path d="M{LEFT} {y(nats)}H{WIDTH - RIGHT}" stroke="#ccc"/>')
        parts.append(text(LEFT - 10, y(nats) + 5, str(nats), anchor="end"))
    ticks = range(0, last + 1, max(1, last // 400) * 100)
    parts += [text(x(step), HEIGHT - BOTTOM + 22, f"{step:,}", anchor="middle") for step in ticks]
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, "step", anchor="middle"))
    parts.append(text(14, TOP - 4, "nats a token"))
    for name, curve in curves.items():
        points = " ".join(f"{x(step)},{y(loss)}" for step, loss in curve)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="3"/>')
        step, loss = curve[-1]
        parts.append(text(x(step) + 8, y(loss) + 5, f"{LABELS[name]} {loss:.2f}", colour=COLOURS[name]))
    return svg(parts)


def text(x: float, y: float, words: str, anchor: str = "start", colour: str = "#222", size: int = 15) -> str:
    style = f'text-anchor="{anchor}" fill="{colour}" font-size="{size}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(words)}</text>'


def svg(parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"


@reporting
def main(arguments: list[str]) -> int:
    parser = Parser(prog="python -m model.norm_curves", description=__doc__.split("\n")[0])
    parser.add_argument("--pre", type=Path, required=True, help="folder of the pre-norm run")
    parser.add_argument("--post", type=Path, required=True, help="folder of the post-norm run")
    parser.add_argument("--out", type=Path, required=True, help="where to write, less .csv and .svg")
    args = parser.read(arguments)
    equal_but_for_norm(args.pre, args.post)
    curves = {"pre": read_curve(args.pre), "post": read_curve(args.post)}
    if [step for step, _ in curves["pre"]] != [step for step, _ in curves["post"]]:
        raise DataError("The two runs have not taken the same steps.")
    for ending, content in ((".csv", table(curves)), (".svg", picture(curves))):
        with replacing(Path(f"{args.out}{ending}")) as beside:
            beside.write_text(content, encoding="utf-8")
    write(f"Wrote {args.out}.csv and {args.out}.svg.")
    return 0


if __name__ == "__main__":
    execute(main)
