"""What the map says of a block, by its kind: its name, the way to it, and one sentence.

Everything is read off the anatomy, so that a model of another one has its words too.
"""

from __future__ import annotations

from model.anatomy import LAYER, Anatomy, Block, Stack

NOTHING_TO_MULTIPLY = "no matrix product"
SENTENCES = {
    "embed": "Tokens become rows of the embedding matrix, times √d_model.",
    "positions": "Position vectors are added.",
    "ffn": "Each token alone, through d_ff hidden units.",
    "unembed": "Each state becomes a probability for every token.",
}
NORMS = {
    "post": "The stream plus what the block adds, then LayerNorm.",
    "pre": "LayerNorm of the stream, which the block reads; what the block adds joins the stream.",
}
ANSWERS = {"decoding": "Token by token: each one that is taken is the {stack}'s next input."}


def label(block: Block, anatomy: Anatomy, norm: str) -> str:
    """What stands on a block, where there is little room."""
    if block.kind == "attention":
        other = "cross-attn" if block.memory else "self-attn"
        return "masked" if block.causal else other
    if block.kind == "embed":
        return anatomy.side(block.queries).title
    beside = block.label if norm == "post" and block.of else "Norm"
    return {"positions": "+ positions", "ffn": "feed-fwd", "norm": beside}.get(block.kind, block.label)


def path(block: Block, anatomy: Anatomy) -> list[str]:
    """The way to a block: stack, layer, sublayer, the norm beside it."""
    if block.kind == "embed":
        return [f"{anatomy.side(block.queries).title} tokens"]
    if block.kind in ("positions", "unembed"):
        return [block.label]
    own = [anatomy.at(block.of).label, block.label] if block.of else [block.label]
    return [anatomy.stack(block.stack).title, *([f"layer {LAYER}"] if block.is_layered else []), *own]


def readers(stack: Stack, anatomy: Anatomy) -> str:
    """Who reads what a stack hands on."""
    reading = [block for block in anatomy.blocks if block.memory == stack.output]
    if not reading:
        return "the output"
    return f"the {anatomy.stack(reading[0].stack).title}'s {reading[0].label}"


def sentence(block: Block, anatomy: Anatomy, norm: str) -> str:
    """What a block does."""
    if block.kind == "attention":
        who = f"{anatomy.side(block.queries).title.capitalize()} tokens ask"
        if block.memory:
            source = next(stack for stack in anatomy.stacks if stack.output == block.memory)
            return f"{who} the {source.title}'s output."
        return f"{who} {'themselves and those before them' if block.causal else 'each other'}."
    if block.kind == "norm" and not block.of:
        reader = readers(anatomy.stack(block.stack), anatomy)
        return f"LayerNorm of the stream that leaves the last layer; what {reader} reads."
    return NORMS[norm] if block.kind == "norm" else SENTENCES[block.kind]


def shared_matrix(block: Block, anatomy: Anatomy) -> str:
    """In brackets, who shares the embedding matrix."""
    if block.kind == "embed":
        titles = [side.title for side in anatomy.sides]
        return f" (one matrix for {', '.join(titles)} and output)"
    return " (it reads the tokens' embedding matrix)" if block.kind == "unembed" else ""


def named(answer: str, stack: Stack) -> str:
    """An answer's name and sentence."""
    return f"{answer.capitalize()}: {ANSWERS[answer].format(stack=stack.title)}"
