# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains small tokenizers of every algorithm on the texts of this repository and writes what the reference libraries make of
2,412 strings.

    python3 make_small_tokenizers.py ../../resources ../data/text

Writes small_*.model (SentencePiece), small_*.json (tokenizers) and small_tokenizers.json: the strings, and for every tokenizer
and string eight hex digits of SHA-256 over "parsed ids|ids as text|decoded text". Ids are joined by commas; SentencePiece
parses no special tokens, so that its first ids are those of the text. Decoded is the text of the second ids, special tokens
left out. Needs sentencepiece and tokenizers (made with 0.2.3 and 0.23.3).
"""
import base64
import hashlib
import io
import json
import sys
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from check_tokenizers import SPACE, converted, tokenizers_peer
from make_tokenizer_strings import nasty_strings

# A part of NFKC, small enough to be kept here, with control characters taken away as nmt_nfkc does.
RULES = [("Ａ", "A"), ("ﬁ", "fi"), ("①", "1"), ("½", "1/2"), ("\u00a0", " "), ("\u3000", " "), ("\t", " "), ("\n", " "), ("\r", " "),
         ("\ufeff", ""), ("\u200b", " "), ("e\u0301", "\u00e9"), ("\u1100\u1161", "\uac00"), ("…", "..."), ("ｶﾞ", "ガ"), ("\u0001", ""), ("１", "1"), ("\u200d", "")]


def corpus(resources):
    texts = []
    for path in sorted(Path(resources).rglob("*")):
        if path.suffix in (".txt", ".jsonl", ".csv") and path.is_file():
            texts += path.read_text(errors="replace").splitlines()
    lines = [line for text in texts for line in text.split("\n") if line.strip()]
    return [line[:400] for line in lines][:6000] + ["München café naïve Straße", "中文 日本語 한국어", "👍🏽 emoji"] * 20


def train(lines, **options):
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        for source, target in RULES:
            rules.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")
        rules.flush()
        if options.pop("rules", False):
            options["normalization_rule_tsv"] = rules.name
        else:
            options["normalization_rule_name"] = "identity"
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=model, minloglevel=2, num_threads=1, character_coverage=0.995,
                                                 **options)
    proto = pb.ModelProto()
    proto.ParseFromString(model.getvalue())
    proto.trainer_spec.ClearField("input")
    proto.normalizer_spec.ClearField("normalization_rule_tsv")
    return proto


def sentencepieces(lines):
    bpe = train(lines, model_type="bpe", vocab_size=700, byte_fallback=True, remove_extra_whitespaces=False, split_digits=True,
                allow_whitespace_only_pieces=True)
    user = train(lines, model_type="bpe", vocab_size=800, byte_fallback=True, remove_extra_whitespaces=False, add_dummy_prefix=False,
                 user_defined_symbols=["<|user|>", "  ", "    ", "\n\n", "[INST]"], control_symbols=["<start_of_turn>", "<end_of_turn>"])
    # Unused pieces are taken apart again.
    for piece in [p for p in user.pieces if p.type == 1 and len(p.piece) > 2][5:60:6]:
        piece.type = pb.ModelProto.SentencePiece.UNUSED
    unigram = train(lines, model_type="unigram", vocab_size=700, byte_fallback=True, rules=True)
    unknown = train(lines, model_type="unigram", vocab_size=500, rules=True, user_defined_symbols=["<|user|>", "[INST]"])
    suffix = train(lines, model_type="bpe", vocab_size=500, treat_whitespace_as_suffix=True, rules=True)
    return {"spm_bpe": bpe, "spm_user": user, "spm_unigram": unigram, "spm_unknown": unknown, "spm_suffix": suffix}


def jsons(models_by_name):
    with tempfile.NamedTemporaryFile(suffix=".model") as file:
        file.write(models_by_name["spm_bpe"].SerializeToString())
        file.flush()
        llama = converted(file.name)
        first = converted(file.name)
        gemma = converted(file.name)
    llama.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    # Text behind a special token gets no prefix, as in newer conversions.
    first.normalizer = None
    first.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="first", split=False)
    gemma.normalizer = normalizers.Replace(" ", SPACE)
    gemma.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    gemma.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    gemma.add_tokens([AddedToken("the", normalized=True), AddedToken("user", normalized=False, lstrip=True)])
    unigram_proto = models_by_name["spm_unigram"]
    unigram = Tokenizer(models.Unigram([(p.piece, p.score) for p in unigram_proto.pieces], unk_id=0, byte_fallback=True))
    unigram.normalizer = normalizers.Sequence([normalizers.Precompiled(unigram_proto.normalizer_spec.precompiled_charsmap),
                                               normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), SPACE)])
    unigram.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always", split=True)
    unigram.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(replacement=SPACE, prepend_scheme="always")])
    unigram.add_special_tokens(["<s>", "</s>", "<unk>"])
    unknown_proto = models_by_name["spm_unknown"]
    mixed = Tokenizer(models.Unigram([(p.piece, p.score) for p in unknown_proto.pieces], unk_id=0))
    mixed.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip(), normalizers.NFC()])
    mixed.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits(),
                                                   pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always", split=False)])
    mixed.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    mixed.add_special_tokens([AddedToken("<s>", normalized=True), "</s>"])
    split = converted_without_bytes(models_by_name["spm_suffix"])
    return {"llama2": llama, "first": first, "gemma": gemma, "unigram": unigram, "mixed": mixed, "unknown": split}


def converted_without_bytes(proto):
    with tempfile.NamedTemporaryFile(suffix=".model") as file:
        file.write(proto.SerializeToString())
        file.flush()
        tokenizer = converted(file.name)
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = None
    return tokenizer


def digest(parsed, as_text, decoded):
    joined = ",".join(map(str, parsed)) + "|" + ",".join(map(str, as_text)) + "|" + decoded
    return hashlib.sha256(joined.encode()).hexdigest()[:8]


def main():
    out = Path(sys.argv[2])
    texts = nasty_strings()
    expected = {}
    protos = sentencepieces(corpus(sys.argv[1]))
    for name, proto in protos.items():
        data = proto.SerializeToString()
        (out / f"small_{name}.model").write_bytes(data)
        processor = sentencepiece.SentencePieceProcessor(model_proto=data)
        expected[name] = "".join(digest(ids := processor.encode(t), ids, processor.decode(ids)) for t in texts)
    for name, tokenizer in jsons(protos).items():
        (out / f"small_{name}.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")))
        peer = tokenizers_peer(tokenizer)
        expected[name] = "".join(digest(peer.encode(t, True), ids := peer.encode(t, False), peer.decode(ids)) for t in texts)
    (out / "small_tokenizers.json").write_text(json.dumps({"strings": texts, "digests": expected}, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
