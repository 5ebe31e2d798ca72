#!/usr/bin/env bash
# The service by curl. GRADUS_URL (http://127.0.0.1:8080) and GRADUS_API_KEY say where and who.
set -euo pipefail
url=${GRADUS_URL:-http://127.0.0.1:8080}
ask() { curl -sS --fail-with-body -H "Authorization: Bearer $GRADUS_API_KEY" "$@"; }

ask "$url/v1/models"
printf '{"messages":[{"role":"user","content":"What is %d + 11?"}],"answer":"%d"}\n' 12 23 34 45 56 67 78 89 >rows.jsonl
file=$(ask -F purpose=fine-tune -F file=@rows.jsonl "$url/v1/files" | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])')
ask "$url/v1/fine_tuning/jobs" -H 'content-type: application/json' -d '{"model": "nano", "training_file": "'"$file"'",
  "method": {"type": "reinforcement", "reinforcement": {"grader": {"type": "string_check", "name": "sum", "operation": "like",
    "input": "{{sample.output_text}}", "reference": "{{item.answer}}"}, "hyperparameters": {"n_epochs": 2, "batch_size": 4}}}}'
ask -N "$url/v1/chat/completions" -H 'content-type: application/json' \
  -d '{"model": "nano", "stream": true, "max_tokens": 40, "messages": [{"role": "user", "content": "What is 2 + 3?"}]}'
