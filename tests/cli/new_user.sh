#!/usr/bin/env bash
# The first hour of somebody new, on the bundled model: what the README shows, a recipe that is wrong and
# mended, a reward of their own, a kill and a resume, a chat, an export, and the result in transformers
# where that is installed.
#
#     new_user.sh GRADUS SOURCE_DIR
set -euo pipefail
gradus=$(realpath "$1")
source=$(realpath "$2")
base=$source/examples/nano/base
work=$(mktemp -d)
trainer=''
finish() {
  [ -z "$trainer" ] || kill -9 "$trainer" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

fail() {
  printf 'FAILED: %s\n' "$1" >&2
  [ ! -f last ] || cat last >&2
  exit 1
}
# expect STATUS COMMAND...: what it says goes into the file `last`
expect() {
  local wanted=$1 status=0
  shift
  "$@" >last 2>&1 </dev/null || status=$?
  [ "$status" = "$wanted" ] || fail "exit code $status, not $wanted: $*"
}
says() { grep -qF -- "$1" last || fail "it does not say: $1"; }

# --- the first recipe, without the model that `./run fetch` brings, and with another one
if [ ! -f "$source/examples/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" ]; then
  expect 1 "$gradus" train "$source/examples/smollm2/grpo.toml" --dry-run
  says SmolLM2-135M-Instruct
fi
expect 0 "$gradus" train "$source/examples/smollm2/grpo.toml" --dry-run --set "model.path=$base" \
  --set model.precision=float32 --set data.chat=false --set eval.data.chat=false
says '# memory, estimated'
[ ! -e runs ] || fail "a dry run left runs/"

# --- a recipe with a wrong key, then without its data, then mended
cat >recipe.toml <<TOML
[run]
name = "first"
steps = 3
eval_every = 2
checkpoint_every = 1
[model]
path = "$base"
[data]
path = "sums.jsonl"
template = "{question}\n"
[rollout]
max_tokens = 48
[[rewards]]
type = "accuracy"
extract = "answer_tag"
evaluated = true
[[rewards]]
type = "python"
file = "brief.py:reward"
weight = 0.5
[rl]
group_sise = 4
prompts_per_step = 4
[optim]
lr = 1e-4
[eval.data]
path = "sums.jsonl"
count = 8
TOML
cat >brief.py <<'PYTHON'
def reward(completions, answer, **columns):
    return [1.0 if gold in text and len(text) < 90 else 0.0 for text, gold in zip(completions, answer)]
PYTHON
expect 2 "$gradus" train recipe.toml
says 'did you mean'
sed -i 's/group_sise/group_size/' recipe.toml
expect 1 "$gradus" train recipe.toml
says sums.jsonl
[ ! -e runs/first ] || fail "a run that could not begin left its folder"
"$gradus" data generate --task arithmetic --count 40 --set 'operators="+"' --out sums.jsonl >last 2>&1
expect 0 "$gradus" rewards check recipe.toml
says python
expect 0 "$gradus" train recipe.toml
says 'finished after step 3'
says 'rows'
[ -f runs/first/report.html ] || fail "no report"
expect 0 "$gradus" runs list
says first
expect 0 "$gradus" runs show first

# --- killed in the middle, gone on with by name
"$gradus" train recipe.toml --set run.name=killed --set run.steps=400 >killed.log 2>&1 </dev/null &
trainer=$!
for _ in $(seq 600); do
  compgen -G 'runs/killed/checkpoints/step-*' >/dev/null && break
  kill -0 "$trainer" 2>/dev/null || { cp killed.log last; fail "the run to be killed ended by itself"; }
  sleep 0.2
done
kill -9 "$trainer"
wait "$trainer" 2>/dev/null || true
trainer=''
done_steps=$(find runs/killed/checkpoints -maxdepth 1 -name 'step-*' | sed 's/.*step-0*//' | sort -n | tail -n 1)
expect 0 "$gradus" runs list
says killed
expect 0 "$gradus" train --resume killed --set "run.steps=$((done_steps + 2))" --allow-changes
says "finished after step $((done_steps + 2))"
expect 0 "$gradus" runs compare first killed
says 'on the same problems'

# --- asked, talked to, evaluated
expect 0 "$gradus" sample --model first --prompt $'What is 12 + 34?\n' --temperature 0
says '<answer>'
expect 0 "$gradus" eval --model first --recipe runs/first/recipe.toml --limit 4
says accuracy
cp -r runs/first/final talker
printf '{%% for m in messages %%}{{ m.content }}\n{%% endfor %%}' >talker/chat_template.jinja
printf 'What is 12 + 34?\n/regen\n/save chat.jsonl\n/exit\n' |
  "$gradus" chat --model talker --temperature 0 --max-tokens 48 >last 2>&1 || fail "chat"
says '<answer>'
grep -q '"role": *"assistant"' chat.jsonl || fail "the chat was not saved"

# --- exported, and in transformers
expect 0 "$gradus" model export first exported --format hf --dtype f32
expect 0 "$gradus" model info exported
"$gradus" sample --model exported --prompt $'What is 12 + 34?\n' --temperature 0 --json >ours.json
if python3 -c 'import torch, transformers' 2>/dev/null; then
  HF_HUB_OFFLINE=1 python3 - >last 2>&1 <<'PYTHON' || fail "transformers answers otherwise"
import json, torch, transformers
ours = json.loads(open("ours.json").readline())["tokens"]
model = transformers.AutoModelForCausalLM.from_pretrained("exported", dtype=torch.float32).eval()
ids = transformers.AutoTokenizer.from_pretrained("exported")("What is 12 + 34?\n", return_tensors="pt")["input_ids"]
theirs = model.generate(ids, max_new_tokens=len(ours), do_sample=False)[0, ids.shape[1]:].tolist()
assert theirs[:8] == ours[:8], (theirs, ours)
PYTHON
else
  echo "SKIPPED: new_user.sh: the answer in transformers, which is not installed"
fi
echo "all of it works"
