"""Writes chat_cases.json: templates, inputs and what Jinja2 renders, set up as transformers does.

    pip install jinja2==3.1.6
    python make_chat_cases.py
"""
import json
import pathlib
from jinja2.exceptions import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent


def raise_exception(message):
    raise TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
env.filters["tojson"] = tojson
env.globals["raise_exception"] = raise_exception
env.globals["strftime_now"] = lambda f: "never in these cases"

U = lambda c: {"role": "user", "content": c}
A = lambda c, **k: {"role": "assistant", "content": c, **k}
S = lambda c: {"role": "system", "content": c}
T = lambda c: {"role": "tool", "content": c}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Wetter für <b>Städte</b> & 'more'",
          "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "n": {"type": "number", "default": 1.5}},
                         "required": ["city"], "z": [1, True, None, 1e20, 1e-7, 0.1]}}},
         {"type": "function", "function": {"name": "noop", "parameters": {}}}]
CALL = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Zürich", "n": 2}}}
CALL_TEXT = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Zürich\"}"}}
TALKS = [
    [U("Hi")],
    [S("Be brief."), U("What is 2+2?")],
    [U("Hi"), A("Hello!"), U("नमस्ते {{ x }} {% raw %}")],
    [S(" sys \n"), U("q1"), A("<think>\nlong\n</think>\n\nfour"), U("q2"), A("<think>\nr2\n</think>\n\na2")],
    [U("q"), A("<think>a</think>b</think>c"), U("<tool_response>x</tool_response>"), A("\n\nlast\n")],
    [U("q"), A("", tool_calls=[CALL, CALL]), T("sunny"), T("5 °C"), A("It is sunny."), U("thanks")],
    [U("q"), A(None, tool_calls=[CALL_TEXT, CALL_TEXT]), T("sunny"), T("rain")],
    [U("q"), A("reasoned", reasoning_content="\nwhy\n"), U("again"), A("x", reasoning_content="because"), T("t")],
    [U([{"type": "text", "text": "one"}, {"type": "image"}, {"type": "text", "text": "two"}]), A("ok")],
    [U("a"), U("b")],
]
SNIPPETS = [
    "{{ 1 }} {{ 1.0 }} {{ 1e20 }} {{ 0.1 + 0.2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }}",
    "{{ true }} {{ none }} {{ undefined_name }}|{{ [1, 'a', none, 2.5, ['x']] }} {{ {'a': 1, 'b': 'it\\'s'} }} {{ (1,) }} {{ () }}",
    "{{ 'a' ~ 1 ~ none }} {{ 'ab' * 3 }} {{ [1] + [2] }} {{ 'x' if false }}|{{ 'x' if false else 'y' }}",
    "{{ 'héllo wörld'[1:4] }} {{ 'abc'[::-1] }} {{ 'abc'[-1] }} {{ 'abc'[5] }}|{{ [1,2,3,4][1:-1] }} {{ [1,2,3][::-2] }} {{ 'abc'[:1] }}",
    "{{ 'a,b,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ 'a\nb\r\nc'.splitlines() }}",
    "{{ ' x '.strip() }}|{{ 'xxabxx'.strip('x') }}|{{ '\n\nq\n'.lstrip('\n') }}|{{ 'abc'.upper() }}|{{ 'ABC'.lower() }}|{{ 'aBC dE'.title() }}|{{ 'aBC'.capitalize() }}",
    "{{ 'abcabc'.replace('b', 'X') }} {{ 'abcabc'.replace('b', 'X', 1) }} {{ 'abc'.find('c') }} {{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'aXbX'.count('X') }}",
    "{{ [3,1,2]|sort }} {{ ['b','A','c']|sort }} {{ [3,1,2]|sort(reverse=true)|join('-') }} {{ [1,2,2,3]|unique|list }} {{ [1,2,3]|sum }} {{ [1,5,3]|max }} {{ [1,5,3]|min }}",
    "{{ [1,2,3]|first }} {{ [1,2,3]|last }} {{ []|first }}| {{ 'abc'|length }} {{ {'a':1}|length }} {{ 'äß'|length }} {{ [1,2]|reverse|list }} {{ 'abc'|reverse }}",
    "{{ missing|default('d') }} {{ ''|default('d') }}|{{ ''|default('d', true) }} {{ none|d('x') }} {{ '42'|int + 1 }} {{ '4.7'|int }} {{ 'z'|int(7) }} {{ '1.5'|float }} {{ 3.14159|round(2) }} {{ 2.5|round }} {{ -3|abs }}",
    "{{ {'b': 1, 'a': 2}|dictsort }} {{ {'b': 1, 'a': 2}|items|list }} {{ {'b':1}.items()|list }} {{ {'b':1}.keys()|list }} {{ {'b':1}.get('c', 5) }} {{ {'b':1}.get('b') }} {{ {'x':1}.x }} {{ {'x':1}['y'] }}|",
    "{{ ['a','b']|map('upper')|join(',') }} {{ [{'n':1},{'n':2}]|map(attribute='n')|list }} {{ [1,2,3,4]|select('odd')|list }} {{ [1,2,3,4]|reject('odd')|list }} {{ [{'n':1},{'n':0}]|selectattr('n')|list }} {{ [{'n':1},{'n':0}]|rejectattr('n', 'eq', 1)|list }}",
    "{% for a, b in [(1, 2), (3, 4)] %}{{ a }}-{{ b }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for x in [1,2,3,4,5] if x is odd %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% else %}none{% endfor %}{% for x in [] %}x{% else %}empty{% endfor %}",
    "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %} {{ range(5, 1, -2)|list }}",
    "{% for x in 'ab' %}{% for y in [1,2] %}{{ x }}{{ y }}{{ loop.first }}{{ loop.revindex0 }} {% endfor %}{{ loop.cycle('p', 'q') }}{% endfor %}",
    "{% set x = 1 %}{% for i in [1,2] %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}{% if true %}{% set x = 9 %}{% endif %}{{ x }}",
    "{% set ns = namespace(a=1) %}{% for i in [1,2,3] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }} {{ ns.b is defined }}",
    "{% set block %}  in {{ 1 + 1 }}\n{% endset %}[{{ block }}]{% set u | upper %}abc{% endset %}{{ u }}{% filter upper %}x{{ 'y' }}{% endfilter %}",
    "{% macro m(a, b='B', c=none) %}({{ a }}{{ b }}{{ c }}){% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(a='z', b='y') }}{{ m() }}",
    "a\n  {% if true %}\n  b\n  {% endif %}\n  c {% if true %} d {% endif %}\n{{ 'e' }}\nf\n\n",
    "a  {%- if true -%}  b  {%- endif -%}  c\n  {%+ if true %}\n d{% endif +%}\n e",
    "x {# c #}\n{# d #}\n  {# e -#}  \n y {#- f #} z",
    "{% raw %}{{ a }} {% if %}{% endraw %}|{%- raw -%}  {{ b }}  {%- endraw -%}  |",
    "{{ {'a': {'b': 1}}['a'].b }} {{ [[1,2],[3]][0][1] }} {{ [1,2,3].index(2) }} {{ messages[-1]['role'] }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 2 > 5 }} {{ 'a' in 'abc' }} {{ 1 not in [1] }} {{ 'k' in {'k': 1} }} {{ not 1 == 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' == 1 }} {{ [1] == [1] }}",
    "{{ 1 and 'x' }} {{ 0 or 'y' }} {{ '' or none }} {{ none is none }} {{ x is undefined }} {{ 1 is number }} {{ true is boolean }} {{ 1 is integer }} {{ 1.5 is float }} {{ 'a' is string }} {{ [] is iterable }} {{ {} is mapping }} {{ 'a' is sequence }} {{ false is false }} {{ 0 is false }} {{ true is true }}",
    "{{ 4 is divisibleby 2 }} {{ 3 is even }} {{ 3 is eq 3 }} {{ 3 is in [3] }} {{ 1 is not none and 2 is not string }} {{ 'a' is lower }} {{ -1|abs }} {{ -2 ** 2 }} {{ (2 + 3) * 4 ~ 'x' }}",
    "{{ {'b': [1, 2.0, 'é\"\\\\\\n\\u0001', true, none], 'a': {}}|tojson }}\n{{ {'b': [1, {}], 'a': []}|tojson(indent=2) }}\n{{ 'é😀'|tojson(ensure_ascii=true) }} {{ {'b': 1, 'a': 2}|tojson(sort_keys=true, separators=(',', ':')) }}",
    "{{ 'a\\nb\\n\\nc'|indent(2) }}|{{ 'a\\nb'|indent(2, first=true) }}|{{ ' a '|trim }}|{{ 'abc'|replace('b', '') }}|{{ 'hello wORLD-x'|title }}|{{ 'ab'|list }}|{{ 5|string ~ 1 }}|{{ 'xay'|trim('xy') }}",
    "{{ '\\x41\\u00e9\\t|\\q' }} {{ \"it's\" 'joined' }} {{ 'tab\\\\n' }} {{ ['\\n', \"'\", '\\u200b', 'é', '\\x00'] }}",
    "{% if messages is defined and messages|length > 0 and messages[0].role == 'user' %}yes{% elif true %}no{% else %}never{% endif %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set t = 1, 2 %}{{ t }} {{ dict(a=1, b=2) }} {{ {'a': 1}.a|string + 'x' }} {{ [1,2,3][1:]|length }} {{ messages | map(attribute='role') | join(',') }}",
    "{%- for k, v in {'x': 1, 'y': 2}.items() -%}\n {{ k }}={{ v }};\n{%- endfor %}\n",
    "{{ messages[0].content.split('i')[0] }}{{ messages[0]['nothing']['x'] if messages[0].nothing else 'none' }} {{ 'a' < 'b' }} {{ 'Z' < 'a' }} {{ 10_000 }} {{ 1.5e3 }}",
    "{% generation %}x{{ 1 }}{% endgeneration %}",
    "line\r\n{% if true %}\r\nx\r\n{% endif %}\r\n",
]
ERRORS = [
    "{{ missing.x }}", "{{ missing + 1 }}", "{{ 'a' + 1 }}", "{{ 1 // 0 }}", "{{ none|length }}", "{{ raise_exception('bad role') }}",
    "{% for x in 5 %}{% endfor %}", "{{ missing['x'] }}", "{{ 'a' < 1 }}", "{% set x.y = 1 %}",
]

cases = []


def add(name, source, **variables):
    source_for_reference = source.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    try:
        rendered = env.from_string(source_for_reference).render(**variables)
    except Exception:
        rendered = None
    cases.append({"template": name, "variables": variables, "rendered": rendered})


for file in sorted((HERE / "templates").glob("*.jinja")):
    # As transformers keeps it: the file's own last line end is no part of the template.
    source = file.read_text()
    for talk in TALKS:
        for tools in (None, TOOLS):
            for extra in ({"add_generation_prompt": True}, {"add_generation_prompt": False},
                          {"add_generation_prompt": True, "enable_thinking": False}):
                if tools and "enable_thinking" in extra:
                    continue
                add(file.name, source, messages=talk, tools=tools, bos_token="<｜begin▁of▁sentence｜>", eos_token="</s>", **extra)
for snippet in SNIPPETS + ERRORS:
    add("", snippet, messages=TALKS[0], tools=None, add_generation_prompt=False)
    cases[-1]["source"] = snippet
assert all(c["rendered"] is not None for c in cases if c.get("source") in SNIPPETS), [c for c in cases if c.get("source") in SNIPPETS and c["rendered"] is None]
assert all(c["rendered"] is None for c in cases if c.get("source") in ERRORS), [c for c in cases if c.get("source") in ERRORS and c["rendered"] is not None]
with open(HERE / "chat_cases.jsonl", "w") as out:
    for c in cases:
        out.write(json.dumps(c, ensure_ascii=False) + "\n")
print(len(cases), sum(c["rendered"] is None for c in cases))
