"""Captions in the target language, translated back, as training pairs:

    python -m model.backtranslate de-en --captions FILE.gz --out PAIRS.gz

Back-translation (Sennrich et al. 2016): a model of the other direction makes a source sentence for each
caption that people wrote; the pairs, source TAB caption, train the model proper (model.train --back-
translation). Greedy, many captions at a time.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import torch
from tqdm import tqdm

from model.command import Parser, execute, number, reporting, write
from model.data import padded, read_lines
from model.files import replacing
from model.glass import Glass, load
from model.limits import COUNT, THREADS
from model.text import read
from model.training_pass import best_dtype

ROWS = 256


@torch.inference_mode()
def translate_rows(glass: Glass, rows: list[list[int]], max_len: int) -> list[list[int] | None]:
    """Greedy ids of each row of source ids; None where a translation did not end within `max_len` tokens."""
    model, config = glass.model, glass.config
    src = padded([[*row, config.eos_id] for row in rows], config.pad_id)
    keep = src != config.pad_id
    last = torch.full((len(rows),), config.bos_id)
    taken = []
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=best_dtype("cpu") == torch.bfloat16):
        state = model.start(model.encode(src, keep), keep)
        ended = torch.zeros(len(rows), dtype=torch.bool)
        for _ in range(max_len):
            logits = model.step(last, state)
            logits[:, [config.pad_id, config.bos_id]] = -torch.inf
            last = logits.argmax(-1)
            taken.append(last)
            ended |= last == config.eos_id
            if ended.all():
                break
    ids = torch.stack(taken, 1).tolist()
    return [row[: row.index(config.eos_id)] if config.eos_id in row else None for row in ids]


def back_translate(glass: Glass, captions: list[str]) -> list[tuple[str, str]]:
    """(source, caption) of each caption that the model takes and whose translation ends."""
    texts = sorted({text for caption in captions if (text := read(caption))}, key=len)
    rows = [row for row in zip(texts, glass.tokenizer.encode_batch(texts), strict=True)]
    rows = [(text, ids) for text, ids in rows if len(ids) < glass.model.anatomy.sides[0].limit]
    pairs = []
    for start in tqdm(range(0, len(rows), ROWS), mininterval=5):
        part = rows[start : start + ROWS]
        limit = min(glass.model.anatomy.predicting.limit, 2 * len(part[-1][1]) + 5)
        for (text, _), ids in zip(part, translate_rows(glass, [ids for _, ids in part], limit), strict=True):
            if ids:
                pairs.append((glass.tokenizer.decode(ids).strip(), text))
    return pairs


@reporting
def main(arguments: list[str]) -> int:
    parser = Parser(prog="python -m model.backtranslate", description="Translate captions back.")
    parser.add_argument("name", help="a checkpoint from the target language to the source language")
    parser.add_argument("--captions", type=Path, required=True, help="gzipped text, one caption a line")
    parser.add_argument("--out", type=Path, required=True, help="gzipped pairs to write")
    parser.add_argument("--limit", type=number(COUNT.but(name="limit")), help="the first captions only")
    parser.add_argument(
        "--threads", type=number(THREADS), default=0, help="CPU threads (default: torch's choice)"
    )
    args = parser.read(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    pairs = back_translate(load(args.name), read_lines(args.captions)[: args.limit])
    content = "".join(f"{src}\t{tgt}\n" for src, tgt in pairs).encode()
    with replacing(args.out) as beside:
        beside.write_bytes(gzip.compress(content, mtime=0))
    write(f"Wrote {len(pairs):,} pairs to {args.out}.")
    return 0


if __name__ == "__main__":
    execute(main)
