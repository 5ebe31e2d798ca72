#!/usr/bin/env python3
"""Writes tokenizer.json and tokenizer_config.json of the bundled model from its SentencePiece model, so that
transformers reads it by itself, and checks that both give the same ids.
    make_tokenizer.py ../../../examples/nano/base/tokenizer.model      (needs sentencepiece, protobuf, tokenizers)"""
import json, random, sys
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer

model = sentencepiece_model_pb2.ModelProto()
model.ParseFromString(open(sys.argv[1], "rb").read())
pieces = [p.piece for p in model.pieces]
scores = {p.piece: p.score for p in model.pieces}
kinds = {p.piece: p.type for p in model.pieces}
normal = [p for p in pieces if kinds[p] == 1]
merges = []
for rank, piece in sorted((-scores[p], p) for p in normal if len(p) > 1):
    pairs = [(piece[:i], piece[i:]) for i in range(1, len(piece)) if piece[:i] in scores and piece[i:] in scores]
    merges += [list(p) for p in sorted(pairs, key=lambda p: (-scores[p[0]], -scores[p[1]]))]
added = [{"id": pieces.index(p), "content": p, "single_word": False, "lstrip": False, "rstrip": False,
          "normalized": False, "special": kinds[p] in (2, 3)} for p in pieces if kinds[p] in (2, 3, 4)]
space = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
tokenizer = {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": space, "pre_tokenizer": None,
    "post_processor": {"type": "TemplateProcessing",
                       "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                       "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                                {"Sequence": {"id": "B", "type_id": 1}}],
                       "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                                                 {"type": "Fuse"}]},
    "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
              "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": False, "ignore_merges": False,
              "vocab": {p: i for i, p in enumerate(pieces)}, "merges": merges}}
config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
          "add_bos_token": True, "add_eos_token": False, "clean_up_tokenization_spaces": False, "model_max_length": 256,
          "chat_template": "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{{ '\\n' }}{% endfor %}"}
json.dump(tokenizer, open("tokenizer.json", "w"), ensure_ascii=False, indent=1)
json.dump(config, open("tokenizer_config.json", "w"), ensure_ascii=False, indent=1)
theirs, ours = sentencepiece.SentencePieceProcessor(model_file=sys.argv[1]), Tokenizer.from_file("tokenizer.json")
rng = random.Random(1)
texts = ["What is 12 + 34?\n<think>7+5=12\n</think><answer>46</answer>"]
alphabet = [p for p in pieces if kinds[p] in (1, 4)] + [" ", "x", "Q", "ü"]
texts += ["".join(rng.choice(alphabet) for _ in range(rng.randrange(40))).replace("\u2581", " ") for _ in range(20000)]
bad = [t for t in texts if theirs.encode(t) != ours.encode(t, add_special_tokens=False).ids]
print(len(texts), "texts,", len(bad), "differ", [(t, theirs.encode(t), ours.encode(t, add_special_tokens=False).ids) for t in bad[:2]])
