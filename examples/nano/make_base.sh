#!/usr/bin/env bash
# Makes the base of an example folder (this one, or the one named) anew: generated text, tokenizer,
# pre-training. About six minutes on two cores. The result is the same bits on machines with the
# same instruction set.
#
#     examples/nano/make_base.sh [FOLDER]
set -euo pipefail
gradus=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/gradus
cd "${1:-$(dirname "${BASH_SOURCE[0]}")}"
mkdir -p work/tokenizer

"$gradus" data generate --task addition_trace --set 'split="train"' --seed 1 --count 200000 --out work/corpus.jsonl
"$gradus" data tokenizer --in work/corpus.jsonl --vocab-size 38 --no-byte-fallback \
  --symbol '<think>' --symbol '</think>' --symbol '<answer>' --symbol '</answer>' \
  --out work/tokenizer/tokenizer.model
cat >work/tokenizer/tokenizer_config.json <<'JSON'
{
  "tokenizer_class": "LlamaTokenizer",
  "bos_token": "<s>",
  "eos_token": "</s>",
  "unk_token": "<unk>",
  "add_bos_token": true,
  "add_eos_token": false,
  "add_prefix_space": false
}
JSON
gzip -f work/corpus.jsonl
rm -rf work/run
"$gradus" train pretrain.toml --run-dir work/run
rm -rf base
cp -r work/run/final base
