#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strings that break tokenizers, and what Hugging Face `tokenizers` makes of them.

    python make_tokenizer_strings.py SMOLLM2_TOKENIZER_JSON OUTPUT_FOLDER
    python make_tokenizer_strings.py --check EXPORTED_TOKENIZER_JSON OUTPUT_FOLDER

The first form writes tokenizer_strings.json: 20 classes of 50 strings, 200 random joins of vocabulary entries, the ids of
SmolLM2 with special tokens parsed and taken as text (Tokenizer.encode_special_tokens), hashes of the ids of four small
tokenizers trained here, whose tokenizer.json files it writes too, and texts of random ids. SmolLM2's pre_tokenizer is set to
what its authors published, Digits then ByteLevel: conversions from GGUF drop the Digits step. The second form checks that a
tokenizer.json written by an export gives the same ids. Needs `tokenizers` (made with 0.23).
"""
import hashlib
import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>", "<jupyter_code>", "<empty_output>"]


def pick(rng, alphabet, low, high):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(low, high)))


def chars(*ranges):
    return [chr(c) for first, last in ranges for c in range(first, last + 1)]


def classes():
    words = "the quick brown fox Jumps over lazy dogs near München Straße naïve café data_set x86 Model".split()
    spaces = [" ", "  ", "\t", "\n", "\r\n", "   ", "\u00a0", "\u3000"]
    code = ["def f(x):\n    return x**2\n", "if (a[i] != b->c) { ++n; }", "SELECT * FROM t WHERE id='1';", "#include <vector>\n",
            "\tfor i in range(10):\n\t\tprint(i)", "x = {'a': [1, 2], \"b\": None}", "<div class=\"a b\">&nbsp;</div>", "a&&b||!c^d<<2",
            "lambda *a, **k: (a, k)", "// TODO\n/* c */\n\n\n", "$HOME/.config/${X:-y}", "0xFFu8 as u32;"]
    contractions = ["I'm", "you're", "we've", "he'll", "she'd", "it's", "don't", "'tis", "o'clock", "y'all'd've", "rock'n'roll",
                    "'s", "'t", "''s", "' s", "can’t", "it’s", "'LL", "S's"]
    return {
        "white space runs": lambda r: r.choice(words) + pick(r, [" ", "\t", "  ", "\n", " \n", "    "], 1, 12) + r.choice(words),
        "emoji": lambda r: pick(r, ["👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪", "😀", "❤️", "1️⃣", "👨🏿‍🚒", " ", "a", "🫠", "\u200d", "\ufe0f"], 1, 8),
        "combining marks": lambda r: "".join(c + pick(r, chars((0x300, 0x36f), (0x1ab0, 0x1abe)), 0, 4) for c in pick(r, "aeiou nzQ", 1, 9)),
        "right to left": lambda r: pick(r, chars((0x5d0, 0x5ea), (0x620, 0x64a), (0x64b, 0x652), (0x660, 0x669)) + [" ", "\u200f", "\u202b", "،"], 2, 20),
        "CJK": lambda r: pick(r, chars((0x4e00, 0x4e80), (0x3041, 0x3096), (0x30a1, 0x30fa), (0xac00, 0xac50)) + ["。", "、", "「", "」", "Ａ", "１", "\u3000"], 2, 16),
        "code": lambda r: "".join(r.choice(code) for _ in range(r.randint(1, 3))),
        "numbers": lambda r: pick(r, list("0123456789012345678901234567890.,-+e %") + ["½", "²", "Ⅷ", "①", "٣", "९", "１", "㉈", "𝟗", "\U00010d44", "\U00011f53"], 1, 18),
        "contractions": lambda r: pick(r, spaces + [" "] * 6, 0, 1).join(r.choice(contractions) for _ in range(r.randint(1, 6))),
        "upper-case contractions": lambda r: r.choice(["", " ", "\n"]).join(r.choice(["I'M", "YOU'RE", "WE'VE", "HE'LL", "IT'S", "DON'T", "'Re", "'vE", "'ſ", "'D", "K'Ll"]) for _ in range(r.randint(1, 6))),
        "control characters": lambda r: pick(r, chars((0, 31), (127, 159)) + list("ab 1"), 1, 14),
        "special-token look-alikes": lambda r: r.choice(["", " ", "a", "\n"]).join(r.choice(SPECIALS + ["<|im_end|", "|im_end|>", "<|im_<|im_end|>end|>", "<|IM_END|>", "< |im_end|>", "<|im_end|>>", "<<|im_start|>", "<repo_name", "user\n", "1"]) for _ in range(r.randint(1, 5))),
        "zero width and byte order marks": lambda r: pick(r, ["\ufeff", "\u200b", "\u200c", "\u200d", "\u2060", "\u00ad", "\u180e", "a", " ", "the", "1"], 1, 12),
        "invalid UTF-8": lambda r: bytes(r.choice([r.randint(0, 255), r.randint(0x80, 0xff), ord("a"), 0xe2, 0x82, 0xf0, 0x9f, 0xc0, 0xed, 0xa0, 0x20]) for _ in range(r.randint(1, 14))),
        "long runs": lambda r: r.choice(["a", " ", "\n", "1", "=", "-", "ab", "é", "한", "\t", ".", "😀", " a", "\r\n", "Ġ"]) * r.randint(40, 120),
        "addresses": lambda r: r.choice(["https://", "http://www.", "ftp://", "mailto:", ""]) + pick(r, "abcxyz019-._~%20/?#[]@!$&'()*+,;=:", 8, 40) + r.choice([".com/", ".org", "@host.net", "?q=1&r=2"]),
        "mixed scripts": lambda r: pick(r, list("abZ") + chars((0x391, 0x3a9), (0x410, 0x44f), (0x905, 0x939), (0xe01, 0xe2e), (0x10a0, 0x10c5), (0x1200, 0x1220)) + list(" 1'-") + ["क्ष", "น้ำ"], 2, 18),
        "odd spaces": lambda r: pick(r, chars((0x2000, 0x200b), (0x1c, 0x1f)) + ["\u00a0", "\u0085", "\u1680", "\u180e", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "a", "b ", " ", "1", "!"], 1, 14),
        "line ends": lambda r: pick(r, ["\r", "\n", "\r\n", "\n\n", " \n", "\n ", "x", "Word", " ", ".", "!", "\u2028", "\v", "\f"], 1, 14),
        "private use and the end of planes": lambda r: pick(r, chars((0xe000, 0xe010), (0xf8f0, 0xf900), (0xfff0, 0xffff), (0xd7f0, 0xd7ff), (0x1fffe, 0x20005), (0xf0000, 0xf0004), (0x10fffd, 0x10ffff), (0x323a0, 0x323b0), (0x1c89, 0x1c8a)) + ["a", " "], 1, 10),
        "punctuation and mathematics": lambda r: pick(r, list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + list("∀∑∫√≠≤…—–“”«»¿¡§¶•†€£¥©®™°±×÷𝒜𝔸ℝªºµ") + [" ", " a", "\n", "..."], 1, 20),
    }


MARKERS = ["<s>", "</s>", "<unk>", "<bos>", "<eos>", "<pad>", "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]", "<<SYS>>", "<|user|>", "<|end|>",
           "<|eot_id|>", "<|begin_of_text|>", "<|im_start|>", "<|im_end|>", "<0x0A>", "<0xFF>", "\u2581", "[TOOL_CALLS]", "<SPECIAL_20>", "< s>", "<s", "s>"]


def nasty_strings():
    """2,412 strings of every class: those of strings(), more seeds of each, and markers of the SentencePiece families."""
    result = ["", " ", "\n", "\u2581", "a", "\ufeffBOM", "nul\0in\0side", "\0", "x" * 3000, " " * 1000, "\r\n" * 200, "e\u0301" * 50]
    kinds = classes()
    kinds["markers"] = lambda r: r.choice(["", " ", "a", "\n"]).join(r.choice(MARKERS + ["Hello", "user\n", "1"]) for _ in range(r.randint(1, 6)))
    kinds["NUL bytes"] = lambda r: pick(r, ["\0", "a", " ", "\n", "the", "é"], 1, 10)
    kinds["compositions"] = lambda r: pick(r, ["e\u0301", "é", "ﬁ", "Å", "Å", "한", "한", "①", "Ａ", "ｶﾞ", "\u0344", "ŉ", "½", "\u00a0", "…", " "], 1, 12)
    kinds["long words"] = lambda r: pick(r, "abcdefghijklmnopqrstuvwxyz", 60, 300)
    for name, make in kinds.items():
        rng = random.Random("safequant nasty " + name)
        result += [text_of(make(rng)) for _ in range(100)]
    return result


def strings(vocabulary):
    result = []
    for name, make in classes().items():
        rng = random.Random("safequant " + name)
        result += [make(rng) for _ in range(50)]
    assert len(result) == 1000
    rng = random.Random("safequant joins")
    entries = sorted(vocabulary)
    reverse = {alphabet(b): b for b in range(256)}
    for _ in range(200):
        data = b"".join(bytes(reverse[c] for c in rng.choice(entries)) for _ in range(rng.randint(2, 9)))
        result.append(data.decode("utf-8", errors="replace"))
    return result


def alphabet(byte):
    if 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174:
        return chr(byte)
    return chr(256 + sum(1 for b in range(byte) if not (33 <= b <= 126 or 161 <= b <= 172 or b >= 174)))


def text_of(entry):
    return entry.decode("utf-8", errors="replace") if isinstance(entry, bytes) else entry


def ids_of(tokenizer, text, special_as_text):
    tokenizer.encode_special_tokens = special_as_text
    return tokenizer.encode(text, add_special_tokens=False).ids


def digest(ids):
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:12]


def published_smollm2(path):
    description = json.loads(Path(path).read_text())
    description["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]}
    return Tokenizer.from_str(json.dumps(description))


def small_tokenizers(corpus):
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    kinds = {
        "llama3": (pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), byte_level]), True),
        "qwen2": (pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), byte_level]), False),
        "gpt2": (pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True), False),
        "pieces": (pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(r"[A-Z]\w*"), "merged_with_previous"),
            pre_tokenizers.Split(" ", "merged_with_next"),
            pre_tokenizers.Split("=", "contiguous"),
            pre_tokenizers.Split(Regex(r"[^\u200d]+"), "removed", invert=True),
            pre_tokenizers.Digits(individual_digits=False), byte_level]), False),
    }
    result = {}
    for name, (pre_tokenizer, ignore_merges) in kinds.items():
        tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
        tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
        tokenizer.train_from_iterator(corpus, trainer)
        tokenizer.add_special_tokens([AddedToken("<|im_end|>", lstrip=name == "qwen2", rstrip=name == "llama3"), "<|im_start|>"])
        tokenizer.add_tokens([AddedToken("the", single_word=True, normalized=False), AddedToken("user", lstrip=True, normalized=True)])
        result[name] = tokenizer
    return result


def main():
    if sys.argv[1] == "--check":
        tokenizer = Tokenizer.from_file(sys.argv[2])
        fixture = json.loads((Path(sys.argv[3]) / "tokenizer_strings.json").read_text())
        wrong = 0
        for entry, parsed, as_text in zip(fixture["strings"], fixture["parsed"], fixture["text"]):
            text = bytes.fromhex(entry["hex"]).decode("utf-8", errors="replace") if isinstance(entry, dict) else entry
            wrong += ids_of(tokenizer, text, False) != parsed
            wrong += ids_of(tokenizer, text, True) != (parsed if as_text is None else as_text)
        print(f"{2 * len(fixture['strings'])} encodings, {wrong} differ")
        sys.exit(wrong != 0)

    smollm2 = published_smollm2(sys.argv[1])
    without_digits = Tokenizer.from_file(sys.argv[1])
    out = Path(sys.argv[2])
    vocabulary = {entry for entry, i in smollm2.get_vocab(with_added_tokens=True).items() if i >= 17}
    entries = strings(vocabulary)
    texts = [text_of(e) for e in entries]
    parsed = [ids_of(smollm2, t, False) for t in texts]
    as_text = [ids_of(smollm2, t, True) for t in texts]
    fixture = {
        "strings": [{"hex": e.hex()} if isinstance(e, bytes) else e for e in entries],
        "parsed": parsed,
        "text": [None if a == p else a for a, p in zip(as_text, parsed)],
        "without_digits": [digest(ids_of(without_digits, t, False)) for t in texts],
        # SmolLM2 has no entries for some bytes: they vanish, and what comes back is another text.
        "back": [None if (back := smollm2.decode(p, skip_special_tokens=False)) == t else back for p, t in zip(parsed, texts)],
        "small": {},
        "decode": [],
    }
    for name, tokenizer in small_tokenizers(texts[:800:3]).items():
        (out / f"tokenizer_{name}.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")))
        fixture["small"][name] = {
            "parsed": [digest(ids_of(tokenizer, t, False)) for t in texts],
            "text": [digest(ids_of(tokenizer, t, True)) for t in texts],
        }
    rng = random.Random("safequant decode")
    for _ in range(200):
        ids = [rng.choice([rng.randint(0, 16), rng.randint(17, 300), rng.randint(17, 49151)]) for _ in range(rng.randint(1, 12))]
        fixture["decode"].append([ids, smollm2.decode(ids, skip_special_tokens=False), smollm2.decode(ids, skip_special_tokens=True)])
    (out / "tokenizer_strings.json").write_text(json.dumps(fixture, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
