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
    "{% with a = messages[0].content, b = 2 %}{{ a }}{{ b }}{% endwith %}{% set a = 1 %}{% with %}{% set a = 2 %}{{ a }}{% endwith %}{{ a }}{% with a = 3, b = a %}{{ b }}{% endwith %}",
    "{% macro say(a, b) %}{{ a }}-{{ b }}{% endmacro %}{{ say(*['x', 'y']) }} {{ say('x', **{'b': 2}) }} {{ say(*['q'], **{'b': 3}) }} {{ dict(**{'k': 1}) }}",
    "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, k=4) }}{{ m() }}",
    "{% macro box(t) %}<{{ t }}>{{ caller('c') }}</{{ t }}>{% endmacro %}{% call(x) box('b') %}in {{ x }}{% endcall %}",
    "{% for i in [1, 2] %}{% macro inner(k) %}{{ i }}{{ k }}{% endmacro %}{{ inner('z') }}{% endfor %}",
    "{% macro later() %}{{ y }}{% endmacro %}{% set y = 5 %}{{ later() }}{% macro up(n) %}{{ n }}{% if n > 0 %}{{ up(n - 1) }}{% endif %}{% endmacro %}{{ up(3) }}",
    "{% for a in [1] %}{% for b in [2] %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}{% endfor %}",
    "{% for n in [{'v': 1, 'c': [{'v': 2, 'c': []}]}] recursive %}{{ n.v }}@{{ loop.depth }}{{ loop(n.c) }}{% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }} {% endfor %}",
    "{{ '{}!{}'.format('a', 1) }} {{ '{1}{0}'.format(1, 2) }} {{ '{x:>5}|{x:<5}|{x:^5}|{y:05.1f}|{y:,}'.format(x='ab', y=1234.567) }} {{ '{0[k]} {0.k}{{}}'.format({'k': 7}) if false else '{0[k]}{{}}'.format({'k': 7}) }} {{ '{:d} {:x} {:#x} {:b} {:+d} {!r}'.format(5, 255, 255, 5, 3, 'q') }} {{ '{:.2%} {:e} {:g}'.format(0.25, 12345.678, 0.0001) }}",
    "{{ '%s is %d, %5.2f%%' % ('x', 3, 1.5) }} {{ '%r' % 'a' }} {{ '%(k)s' % {'k': 1} }} {{ '%-5s|%05d|%x' % ('a', 42, 255) }} {{ '%s %s'|format('a', 'b') }}",
    "{% if custom is defined %}{{ x | from_json }}{{ y is prime }}{{ f(1) }}{{ x.foo() }}{% endif %}ok{{ (x | from_json) if false else 'd' }}{% if false %}{% include 'x' %}{% endif %}",
    "{{ messages is defined and false and messages.nothing() }} {% for x in [] %}{{ x.nope() }}{% endfor %}",
    "{{ {'a': 1}['items'] is defined }} {{ {'a': 1}.items is callable }} {{ {'items': 5}['items'] }} {{ {'items': 5}.items is number }} {{ {'a': 1}['items']['type'] == 'string' }} {{ 'abc'['upper'] is defined }} {{ {'a': 1}.missing is defined }}",
    "{{ ' a b  c '.rsplit(none, 1) }} {{ 'a.b.c'.rpartition('.') }} {{ 'a.b.c'.partition('.') }} {{ 'x'.partition('.') }} {{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'a'.ljust(3, '-') }}{{ 'a'.rjust(3) }}{{ 'ab'.center(5, '*') }}",
    "{{ \"they're bill's\".title() }} {{ 'aBc'.swapcase() }} {{ 'x1'.isalnum() }} {{ 'x1'.isalpha() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '½'.isnumeric() }} {{ 'abcabc'.rfind('b') }} {{ 'abcabc'.find('b', 2) }} {{ 'abc'.index('c') }} {{ 'abc'.startswith('b', 1) }} {{ 'a\\nb'.splitlines(true) }}",
    "{{ [{'role': 'a', 'n': 1}, {'role': 'b', 'n': 2}] | selectattr('role', '==', 'a') | list }} {{ [1, 2, 3] | select('>', 1) | list }} {{ [1,2,3] | select('!=', 2) | list }}",
    "{{ [1,2,3,4,5] | batch(2) | list }} {{ [1,2,3] | batch(2, 'x') | list }} {{ [1,2,3,4,5] | slice(2) | map('list') | list }} {{ [1,2,3] | slice(2, 'f') | list }} {% for k, v in [{'a': 'x', 'b': 1}, {'a': 'y', 'b': 2}, {'a': 'X', 'b': 3}] | groupby('a') %}{{ k }}={{ v | map(attribute='b') | join(',') }};{% endfor %}",
    "{{ ['b', 'A'] | min }} {{ [{'n': 3}, {'n': 1}] | max(attribute='n') }} {{ 'a b c' | wordcount }} {{ 'a<b>&\"' | escape }} {{ 'a b/ü' | urlencode }} {{ 'hello wide world' | truncate(9, false, '..', 0) }} {{ 'ab' | center(6) }}|",
    "{{ [1] * 3 }} {{ 2 * (1,) }} {{ 'a' ~ (1, 2) }} {{ 0x1F }} {{ 0b101 }} {{ 123456789012345678901234567890 }} {{ {'n': 123456789012345678901234567890} | tojson }} {{ 123456789012345678901234567890 == 123456789012345678901234567890 }}",
    "{{ {'b': [1, {'z': 1, 'a': 2}]} | tojson(indent=2) }} {{ {'a': [1]} | tojson(indent=0) }} {{ {'a': [1, 2]} | tojson(indent='\t') }} {{ 'é' | tojson(true) }} {{ (1, 2) | tojson }} {{ 1.0 | tojson }} {{ {'k': none} | tojson(separators=(',', ':')) }}",
    "{% block head %}H{% endblock %}{% autoescape false %}{{ '<' }}{% endautoescape %}{% set v %}a{% set w = 1 %}{% endset %}{{ v }}{{ w is defined }}",
    "{{ [[1, 2], [3]] | sum(start=0) if false else [1, 2] | sum }} {{ [1, 2] | join(', ') }} {{ (1, 2) == (1, 2) }} {{ [1, 2] == (1, 2) }} {{ [1, 2] < [1, 3] }} {{ 'a' in ['a', 1] }} {{ none in [none] }}",
    "{{ documents is defined }} {{ documents is none }} {{ [] is sameas [] }} {{ 'upper' is filter }} {{ 'odd' is test }} {{ 3 is ge 2 }} {{ 'a-b' | replace('-', '+') }} {{ [3, 1] | sort(attribute=none) | list }}",
    "line\r\n{% if true %}\r\nx\r\n{% endif %}\r\n",
]
ERRORS = [
    "{{ missing.x }}", "{{ missing + 1 }}", "{{ 'a' + 1 }}", "{{ 1 // 0 }}", "{{ none|length }}", "{{ raise_exception('bad role') }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
    "{{ '{}'.format() }}", "{{ '%d' % 'x' }}", "{{ '%s' % (1, 2) }}", "{{ [1].append(2) }}", "{{ {'a': 1}.update({'b': 2}) }}", "{{ [1] + (2,) }}", "{% if true %}{{ x | from_json }}{% endif %}",
    "{% if true %}{% include 'x' %}{% endif %}", "{{ 'a'.index('b') }}", "{% for x in [1] %}{{ loop([]) }}{% endfor %}", "{{ messages() }}", "{{ x is prime }}",
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
    add("", snippet, messages=TALKS[0], tools=None, add_generation_prompt=False, documents=None)
    cases[-1]["source"] = snippet
assert all(c["rendered"] is not None for c in cases if c.get("source") in SNIPPETS), [c for c in cases if c.get("source") in SNIPPETS and c["rendered"] is None]
assert all(c["rendered"] is None for c in cases if c.get("source") in ERRORS), [c for c in cases if c.get("source") in ERRORS and c["rendered"] is not None]
with open(HERE / "chat_cases.jsonl", "w") as out:
    for c in cases:
        out.write(json.dumps(c, ensure_ascii=False) + "\n")
print(len(cases), sum(c["rendered"] is None for c in cases))
