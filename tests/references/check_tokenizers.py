# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares `safequant tokenize` with the reference libraries on real vocabularies, both ways: ids and decoded text.

    python3 check_tokenizers.py SAFEQUANT [--smollm2 GGUF] [--gemma GGUF] [--mistral DIR] [--qwen FILE] [--data DIR]

GGUF files are the models' own, DIR holds the tokenizer.model and tekken files of `mistral-common`, FILE is `qwen.tiktoken` of
`dashscope`; --data is tests/data/text, whose small tokenizers need nothing else. Needs tokenizers, sentencepiece, transformers,
tiktoken and gguf. Prints a table; exits with 1 when anything differs that the table does not explain.
"""
import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

sys.path.insert(0, str(Path(__file__).parent))
from make_tokenizer_strings import QWEN2, alphabet, nasty_strings  # noqa: E402

SPACE = "\u2581"


def ours(program, path, texts, *flags):
    lines = "\n".join(json.dumps(t) for t in texts) + "\n"
    done = subprocess.run([program, "--json", "tokenize", str(path), "--json-lines", *flags], input=lines.encode(), capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{path}: {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.decode().split("\n") if line]


def folder_with(files):
    folder = tempfile.mkdtemp(prefix="tokenizer-")
    for name, content in files.items():
        (Path(folder) / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


class Peer:
    """encode(text, special) and decode(ids) of a reference; special is None where it cannot parse special tokens."""

    def __init__(self, encode, decode, parses=True):
        self.encode, self.decode, self.parses = encode, decode, parses


def without_specials(tokenizer):
    """The same without special tokens in a Unigram model, which would find them in text even where none is to be parsed."""
    description = json.loads(tokenizer.to_str())
    if description["model"]["type"] != "Unigram":
        return tokenizer
    special = {t["content"] for t in description["added_tokens"] if t["special"]}
    description["model"]["vocab"] = [["\U0010fffd" + t if t in special else t, score] for t, score in description["model"]["vocab"]]
    description["added_tokens"] = [t for t in description["added_tokens"] if not t["special"]]
    return Tokenizer.from_str(json.dumps(description))


def tokenizers_peer(tokenizer):
    plain = without_specials(tokenizer)

    def encode(text, special):
        used = tokenizer if special else plain
        used.encode_special_tokens = not special
        return used.encode(text, add_special_tokens=False).ids
    return Peer(encode, lambda ids: tokenizer.decode(ids, skip_special_tokens=True))


def sentencepiece_peer(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return Peer(lambda text, special: processor.encode(text), processor.decode, parses=False)


def gguf_fields(path):
    from gguf import GGUFReader
    return {name: field.contents() for name, field in GGUFReader(path).fields.items() if name.startswith("tokenizer.")}


def smollm2(path):
    fields = gguf_fields(path)
    tokens = fields["tokenizer.ggml.tokens"]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"]]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([t for t, kind in zip(tokens, fields["tokenizer.ggml.token_type"]) if kind == 3])
    return tokenizers_peer(tokenizer)


def gemma_model(path):
    """A sentencepiece ModelProto with the pieces of the GGUF."""
    from sentencepiece import sentencepiece_model_pb2 as pb
    fields = gguf_fields(path)
    model = pb.ModelProto()
    for text, score, kind in zip(fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.scores"], fields["tokenizer.ggml.token_type"]):
        model.pieces.add(piece=text, score=score, type=kind)
    spec = model.trainer_spec
    spec.model_type, spec.byte_fallback = pb.TrainerSpec.BPE, True
    spec.unk_id, spec.bos_id, spec.eos_id, spec.pad_id = (fields[f"tokenizer.ggml.{k}_token_id"] for k in ("unknown", "bos", "eos", "padding"))
    spec.unk_piece, spec.bos_piece, spec.eos_piece, spec.pad_piece = (model.pieces[i].piece for i in (spec.unk_id, spec.bos_id, spec.eos_id, spec.pad_id))
    model.pieces[spec.unk_id].type = pb.ModelProto.SentencePiece.UNKNOWN
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = bool(fields.get("tokenizer.ggml.add_space_prefix", True))
    model.normalizer_spec.remove_extra_whitespaces = False
    return model.SerializeToString()


def converted(model_path):
    """tokenizer.json of a tokenizer.model by transformers' own conversion."""
    from transformers.convert_slow_tokenizer import generate_merges
    from sentencepiece import sentencepiece_model_pb2 as pb
    model = pb.ModelProto()
    model.ParseFromString(Path(model_path).read_bytes())
    pieces = model.pieces
    vocabulary = {p.piece: i for i, p in enumerate(pieces)}
    merges = generate_merges(vocabulary, {p.piece: p.score for p in pieces})
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(p.piece, normalized=False) for p in pieces if p.type in (2, 3)])
    return tokenizer


def qwen(path):
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in Path(path).read_text().splitlines() if line}

    def split(token, rank):
        parts = [bytes([b]) for b in token]
        while len(parts) > 2:
            found = [(ranks[parts[i] + parts[i + 1]], i) for i in range(len(parts) - 1) if ranks.get(parts[i] + parts[i + 1], rank) < rank]
            if not found:
                return None
            i = min(found)[1]
            parts[i:i + 2] = [parts[i] + parts[i + 1]]
        return parts

    def text(token):
        return "".join(alphabet(b) for b in token)

    merges = [tuple(map(text, pair)) for token, rank in ranks.items() if len(token) > 1 and (pair := split(token, rank))]
    tokenizer = Tokenizer(models.BPE({text(t): r for t, r in ranks.items()}, merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer


def tiktoken_peer(path):
    """Qwen's own way: composed characters, its pattern, its ranks."""
    import tiktoken
    import unicodedata
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in Path(path).read_text().splitlines() if line}
    model = tiktoken.Encoding("qwen", pat_str=QWEN2, mergeable_ranks=ranks, special_tokens={
        token: len(ranks) + i for i, token in enumerate(["<|endoftext|>", "<|im_start|>", "<|im_end|>", *(f"<|extra_{i}|>" for i in range(205))])})

    def encode(text, special):
        return model.encode(unicodedata.normalize("NFC", text), allowed_special="all" if special else set(), disallowed_special=())
    # Special tokens are left out of what is decoded.
    return Peer(encode, lambda ids: model.decode([i for i in ids if i < len(ranks)]))


def files_peer(kind, folder):
    """A class of transformers on the vocab.json and merges.txt of a folder."""
    import transformers
    tokenizer = getattr(transformers, kind).from_pretrained(folder)

    def encode(text, special):
        return tokenizer(text, add_special_tokens=False, split_special_tokens=not special)["input_ids"]
    return Peer(encode, lambda ids: tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def vocabulary_folder(tokenizer, kind):
    """vocab.json, merges.txt and tokenizer_config.json of a byte-level BPE."""
    description = json.loads(tokenizer.to_str())
    merges = [m if isinstance(m, str) else " ".join(m) for m in description["model"]["merges"]]
    added = {str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in description["added_tokens"]}
    return folder_with({"vocab.json": json.dumps(description["model"]["vocab"], ensure_ascii=False),
                        "merges.txt": "\n".join(["#version: 0.2", *merges]) + "\n", "tokenizer_config.json": json.dumps({
                            "tokenizer_class": kind, "add_prefix_space": False, "added_tokens_decoder": added, "eos_token": "<|endoftext|>",
                            "unk_token": "<|endoftext|>", "bos_token": None, "pad_token": "<|endoftext|>"})})


def tekken(path):
    import tiktoken
    description = json.loads(Path(path).read_text())
    config = description["config"]
    specials = config["default_num_special_tokens"]
    ranks = {base64.b64decode(t["token_bytes"]): t["rank"] for t in description["vocab"][:config["default_vocab_size"] - specials]}
    model = tiktoken.Encoding("tekken", pat_str=config["pattern"], mergeable_ranks=ranks, special_tokens={})
    return Peer(lambda text, special: [i + specials for i in model.encode_ordinary(text)],
                lambda ids: model.decode([i - specials for i in ids]), parses=False)


def rows(options):
    if options.smollm2:
        yield "SmolLM2, GGUF", "tokenizers", options.smollm2, smollm2(options.smollm2)
    if options.gemma:
        model = gemma_model(options.gemma)
        yield "Gemma 3, GGUF", "sentencepiece", options.gemma, sentencepiece_peer(model)
        yield "Gemma 3, tokenizer.model", "sentencepiece", folder_with({"tokenizer.model": model}), sentencepiece_peer(model)
    if options.mistral:
        for path in sorted(Path(options.mistral).glob("*.model.*")):
            model = path.read_bytes()
            yield f"Mistral {path.suffix[1:]}, tokenizer.model", "sentencepiece", folder_with({"tokenizer.model": model}), sentencepiece_peer(model)
        path = Path(options.mistral) / "tokenizer.model.v1"
        tokenizer = converted(path)
        yield "Llama 2 style (Mistral v1), tokenizer.json", "tokenizers", folder_with({"tokenizer.json": tokenizer.to_str()}), tokenizers_peer(tokenizer)
        for path in sorted(Path(options.mistral).glob("tekken*.json")):
            yield f"Mistral {path.stem}, tekken.json", "tiktoken", folder_with({"tekken.json": path.read_bytes()}), tekken(path)
    if options.qwen:
        tokenizer = qwen(options.qwen)
        yield "Qwen 2, tokenizer.json", "tokenizers", folder_with({"tokenizer.json": tokenizer.to_str()}), tokenizers_peer(tokenizer)
        yield "Qwen 1, qwen.tiktoken", "tiktoken", folder_with({"qwen.tiktoken": Path(options.qwen).read_bytes()}), tiktoken_peer(options.qwen)
        for kind in ("Qwen2Tokenizer", "GPT2Tokenizer"):
            folder = vocabulary_folder(tokenizer, kind)
            yield f"Qwen 2's vocab.json and merges.txt as {kind}", "transformers", folder, files_peer(kind, folder)
    if options.data:
        for path in sorted(Path(options.data).glob("*.json")):
            content = path.read_text()
            if "added_tokens" in json.loads(content):
                yield f"{path.stem.replace('_', ' ')}, tokenizer.json", "tokenizers", folder_with({"tokenizer.json": content}), tokenizers_peer(Tokenizer.from_str(content))
        for path in sorted(Path(options.data).glob("*.model")):
            yield f"{path.stem.replace('_', ' ')}, tokenizer.model", "sentencepiece", folder_with({"tokenizer.model": path.read_bytes()}), sentencepiece_peer(path.read_bytes())


def compare(program, path, peer, texts, show):
    wrong = {"parsed": 0, "text": 0, "decoded": 0}
    if peer.parses:
        kinds = [("parsed", True, ()), ("text", False, ("--no-special",))]
    else:
        kinds = [("text", False, ("--no-special",))]
        wrong["parsed"] = None
    for kind, special, flags in kinds:
        for text, result in zip(texts, ours(program, path, texts, *flags)):
            ids = peer.encode(text, special)
            if ids != result["ids"]:
                wrong[kind] += 1
                if wrong[kind] <= show:
                    print(f"  {kind}: {text!r}\n    ours   {result['ids']}\n    theirs {ids}", file=sys.stderr)
            elif kind == kinds[0][0] and peer.decode(ids) != result["decoded"]:
                wrong["decoded"] += 1
                if wrong["decoded"] <= show:
                    print(f"  decoded: {text!r}\n    ours   {result['decoded']!r}\n    theirs {peer.decode(ids)!r}", file=sys.stderr)
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("safequant")
    for name in ("smollm2", "gemma", "mistral", "qwen", "data"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--show", type=int, default=0, help="print that many differences of a kind")
    options = parser.parse_args()
    texts = nasty_strings()
    print("| Tokenizer | Reference | Strings | Special tokens parsed: differ | As text: differ | Decoded: differ |\n|---|---|---|---|---|---|", flush=True)
    failed = False
    for name, library, path, peer in rows(options):
        wrong = compare(options.safequant, path, peer, texts, options.show)
        failed = failed or any(wrong.values())
        parsed = "-" if wrong["parsed"] is None else wrong["parsed"]
        print(f"| {name} | {library} | {len(texts)} | {parsed} | {wrong['text']} | {wrong['decoded']} |", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
