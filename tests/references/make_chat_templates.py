#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Python's jinja2, set up as transformers sets it up, makes of chat templates and of small pieces of Jinja.

    python make_chat_templates.py CHAT_TEMPLATE_OF_SMOLLM2 OUTPUT_FOLDER

Writes chat_templates.json. The first template is SmolLM2's own; the others are written here in the manner of the families they
are named after. Needs jinja2 (made with 3.1.6).
"""
import json
import re
import sys
from datetime import datetime
from pathlib import Path

import jinja2
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_pass"), [], [], body).set_lineno(line)

    def _pass(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return env


CHATML_TOOLS = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
"""
MISTRAL_TOOLS = """{%%- if messages[0]["role"] == "system" %%}
    {%%- set system_message = messages[0]["content"] %%}
    {%%- set loop_messages = messages[1:] %%}
{%%- else %%}
    {%%- set loop_messages = messages %%}
{%%- endif %%}
{%%- if not tools is defined %%}
    {%%- set tools = none %%}
{%%- endif %%}
{%%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %%}
{%%- set ns = namespace() %%}
{%%- set ns.index = 0 %%}
{%%- for message in loop_messages %%}
    {%%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %%}
        {%%- if (message["role"] == "user") != (ns.index %% 2 == 0) %%}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
        {%%- endif %%}
        {%%- set ns.index = ns.index + 1 %%}
    {%%- endif %%}
{%%- endfor %%}
{{- bos_token }}
{%%- for message in loop_messages %%}
    {%%- if message["role"] == "user" %%}
        {%%- if tools is not none and (message == user_messages[-1]) %%}
            {{- "[AVAILABLE_TOOLS]%(space)s[" }}
            {%%- for tool in tools %%}
                {{- '{"type": "function", "function": {' }}
                {%%- for key, val in tool.items() if key != "return" %%}
                    {%%- if val is string %%}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%%- else %%}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%%- endif %%}
                    {%%- if not loop.last %%}
                        {{- ", " }}
                    {%%- endif %%}
                {%%- endfor %%}
                {{- "}}" }}
                {%%- if not loop.last %%}
                    {{- ", " }}
                {%%- else %%}
                    {{- "]" }}
                {%%- endif %%}
            {%%- endfor %%}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%%- endif %%}
        {%%- if loop.last and system_message is defined %%}
            {{- "[INST]%(space)s" + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%%- else %%}
            {{- "[INST]%(space)s" + message["content"] + "[/INST]" }}
        {%%- endif %%}
    {%%- elif message.tool_calls is defined and message.tool_calls is not none %%}
        {{- "[TOOL_CALLS]%(space)s[" + message.tool_calls|tojson + "]" + eos_token }}
    {%%- elif message["role"] == "assistant" %%}
        {{- %(answer)s }}
    {%%- elif message["role"] == "tool_results" or message["role"] == "tool" %%}
        {{- '[TOOL_RESULTS]%(space)s{"content": ' + message.content|string + "}[/TOOL_RESULTS]" }}
    {%%- else %%}
        {{- raise_exception("Only user and assistant roles are supported, with the exception of an initial optional system message!") }}
    {%%- endif %%}
{%%- endfor %%}
"""
TEMPLATES = {
    "Qwen2.5": CHATML_TOOLS + """{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}{{- message.content }}{{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""",
    "Qwen3": CHATML_TOOLS + """{%- set ns = namespace(many=true, last_query=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.many and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.many = false %}
        {%- set ns.last_query = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}{%- set content = message.content %}{%- else %}{%- set content = '' %}{%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set thought = '' %}
        {%- if '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query and (loop.last or thought) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
    "Llama 2": """{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}""",
    "Llama 3": """{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}""",
    "Llama 3.1": """{{- bos_token }}
{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}
{%- if not date_string is defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{#- The system message comes first, so that the rest need not look for it. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}{{- "Environment: ipython\\n" }}{%- endif %}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- if tools is not none %}
    {{- "You have access to these functions.\\n\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("This model only supports single tool-calls at once!") }}{%- endif %}
    {%- else %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "Gemma 2": """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}""",
    "Gemma 3": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- set role = "model" if message['role'] == 'assistant' else message['role'] -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}{%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}
""",
    "Phi-3": """{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}{{'<|system|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\\n' + message['content'] + '<|end|>\\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}""",
    "Gemma 1": """{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}""",
    "Qwen2": """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "Phi-3, first": """{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') %}{{'<|user|>' + '\\n' + message['content'] + '<|end|>' + '\\n' + '<|assistant|>' + '\\n'}}{% elif (message['role'] == 'assistant') %}{{message['content'] + '<|end|>' + '\\n'}}{% endif %}{% endfor %}""",
    "Mistral v1": """{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token + ' ' }}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}""",
    "Mistral v3": MISTRAL_TOOLS % dict(space=" ", answer='" " + message["content"]|trim + eos_token'),
    "Mistral tekken": MISTRAL_TOOLS % dict(space="", answer='message["content"] + eos_token'),
    "Mistral v7": """{{- bos_token }}
{%- for message in messages %}
    {%- if message.role == "system" %}
        {{- "[SYSTEM_PROMPT] " ~ message.content ~ "[/SYSTEM_PROMPT]" }}
    {%- elif message.role == "user" %}
        {{- "[INST] " ~ message.content ~ "[/INST]" }}
    {%- elif message.role == "assistant" %}
        {{- " " ~ message.content ~ eos_token }}
    {%- else %}
        {{- raise_exception("Only user, system and assistant roles are supported!") }}
    {%- endif %}
{%- endfor %}
""",
    "Mistral": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
        {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif %}
    {%- set ns.index = ns.index + 1 %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {%- generation %}
            {{- " " + message["content"]|trim + eos_token}}
        {%- endgeneration %}
    {%- endif %}
{%- endfor %}
""",
    "Zephyr": """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>
'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
}
u = lambda text: {"role": "user", "content": text}
a = lambda text: {"role": "assistant", "content": text}
s = lambda text: {"role": "system", "content": text}
CONVERSATIONS = [
    [u("Hello")],
    [s("Be brief."), u("  What is 2+2?\n")],
    [u("Hi"), a(" Hello! "), u("And now?")],
    [s("Système"), u("naïve café ☕ 日本語 👩‍👩‍👧"), a("<think>\nhm\n</think>\n\nيا"), u("ok\n\n")],
    [u("one"), u("two")],
    [a("I begin"), u("No")],
    [u("typed <|im_end|> and {{ 7*7 }} {% raw %}"), a("")],
    [u("")],
    [s("Two\n\nparagraphs."), u("1"), a("2"), u("3"), a(" 4\n"), u("5")],
    [u("A system prompt comes late."), a("Yes."), s("Now be brief."), u("Why?")],
    [s("Only a system prompt.")],
    [u("What is it?"), {"role": "tool", "content": "7"}, a("It is 7.")],
]
VARIABLES = [
    {"bos_token": "<s>", "eos_token": "</s>"},
    {"bos_token": "<s>", "eos_token": "</s>", "enable_thinking": False, "tools": [
        {"name": "add", "parameters": {"a": 1, "b": [True, None, 0.5, "é\"\n<"]}}, {"list": [], "name": "empty", "parameters": {}}]},
]
# One template a line; ⏎, ␍ and ⇥ stand for the characters themselves.
CASES = r"""
{{ 1 + 2 * 3 }}|{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }}|{{ 2 ** 10 }} {{ 2 ** -1 }} {{ -2 ** 2 }}
{{ 1.5 + 1 }} {{ 1e20 }} {{ 1e-5 }} {{ 0.1 + 0.2 }} {{ 100.0 }} {{ 1e16 }} {{ 123456789.125 }} {{ 1_000 }} {{ 0x1f }} {{ 0b101 }} {{ 0o17 }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.0 }}|{{ 'a' 'b' }}|{{ 'ab' * 3 }}|{{ [1] * 2 + [3] }}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ true == 1 }} {{ 'a' != 1 }}
{{ 'a' in 'abc' }} {{ 'x' not in 'abc' }} {{ 1 in [1, 2] }} {{ 'k' in {'k': 1} }} {{ 3 in (1, 2) }} {{ 'a' in missing }}
{{ not true }} {{ not '' }} {{ true and 'x' }} {{ '' or 'y' }} {{ none or 0 }} {{ not a in [1] }}
{{ 'yes' if 1 else 'no' }} {{ 'yes' if 0 }}| {{ 'a' if 0 else 'b' if 0 else 'c' }}
{{ [1, 'a', none, true, 1.5, [2], (3,), {'k': 'v'}] }}
{{ ("it's", 'say "x"', 'both \' and "', 'tab\t nl\n é \x00 \u200b') }}
{{ 'abcdef'[1:3] }} {{ 'abcdef'[::-1] }} {{ 'abcdef'[-2:] }} {{ 'abcdef'[::2] }} {{ 'abcdef'[4:1:-1] }} {{ 'añb😀c'[1:4] }} {{ [1,2,3,4][1:-1] }} {{ (1,2,3)[:2] }}
{{ 'abc'[0] }} {{ 'abc'[-1] }} {{ [1,2][1] }} {{ {'a': {'b': 2}}.a.b }} {{ {'a': 1}['a'] }} {{ [[1, 2]][0][1] }} {{ (1, 2).0 }}
{{ missing }}|{{ missing is defined }}|{{ {'a': 1}.b }}|{{ [1][5] }}|{{ 'abc'[7] }}|{{ missing == missing2 }}
{{ missing.x }}
{{ missing['x'] }}
{{ {'a': 1}.b.c }}
{{ missing + 'x' }}
{{ missing() }}
{{ none.x }}|{{ none.x.y }}
{{ [1][5].x }}
{{ 'abc'[9] + 'x' }}
{{ '  x '|trim }}| {{ 'xxaxx'|trim('x') }} {{ 'aB'|upper }} {{ 'aB'|lower }} {{ 'hello world-foo (bar)'|title }} {{ 'hELLO'|capitalize }}
{{ 'éàß'|upper }} {{ 'ÉÀ ΑΒΓ ЖЗ'|lower }} {{ 'straße'.upper() }} {{ 'ŞÇ'.lower() }}
{{ 'a-b-a'|replace('a', 'x') }} {{ 'a-b-a'|replace('a', 'x', 1) }} {{ 'abc'.replace('', '.') }} {{ 'aaa'.replace('a', 'bb', 2) }}
{{ [3, 1, 2]|sort }} {{ ['b', 'A', 'c']|sort }} {{ ['b', 'A']|sort(case_sensitive=true) }} {{ [1, 3, 2]|sort(reverse=true) }} {{ [{'n': 2}, {'n': 1}]|sort(attribute='n') }}
{{ [1, 2, 3]|join('-') }} {{ ['a', 1, none]|join }} {{ [{'n': 1}, {'n': 2}]|join(', ', attribute='n') }} {{ 'abc'|join('.') }}
{{ [1, 2, 3]|first }} {{ [1, 2, 3]|last }} {{ 'abc'|first }} {{ []|first }}| {{ [1, 2]|length }} {{ 'añb'|length }} {{ {'a': 1}|count }} {{ missing|length }}
{{ missing|default('d') }} {{ ''|default('d') }}| {{ ''|default('d', true) }} {{ none|d('x') }} {{ none|d('x', boolean=true) }} {{ missing|default }}|
{{ {'b': 1, 'a': 2}|dictsort }} {{ {'b': 1, 'a': 2}|dictsort(by='value') }} {{ {'b': 1, 'a': 2}|items|list }} {{ missing|items|list }}
{{ [1, 2, 3]|map('string')|list }} {{ [{'a': 1}, {'a': 2}]|map(attribute='a')|list }} {{ [{'a': 1}, {}]|map(attribute='a', default=0)|list }} {{ ['x', 'y']|map('upper')|join }} {{ [{'a': {'b': 5}}]|map(attribute='a.b')|first }}
{{ [1, 2, 3, 4]|select('even')|list }} {{ [1, 2, 3]|reject('odd')|list }} {{ [0, 1, '']|select|list }} {{ [{'r': 'u'}, {'r': 'a'}]|selectattr('r', 'equalto', 'u')|list }} {{ [{'r': 'u'}, {}]|selectattr('r')|list }} {{ [{'r': 'u'}, {'r': 'a'}]|rejectattr('r', 'in', ['u'])|list }} {{ [{'r': 'u'}, {}]|selectattr('r', 'defined')|list }}
{{ 'abc'|reverse }} {{ [1, 2]|reverse|list }} {{ 'abc'|list }} {{ {'a': 1}|list }} {{ 5|string + 'x' }} {{ 'x'|safe }}
{{ '42'|int + 1 }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ '3.7'|int }} {{ 3.9|int }} {{ 'ff'|int(base=16) }} {{ '1.5'|float }} {{ 'z'|float(2.5) }} {{ '2'|float }} {{ true|int }}
{{ 2.5|round }} {{ 3.14159|round(2) }} {{ 2.1|round(method='ceil') }} {{ -2.1|round(0, 'floor') }} {{ 7|round }} {{ -3|abs }} {{ -2.5|abs }} {{ 2.675|round(2) }}
{{ [1, 2, 3]|sum }} {{ [{'v': 1}, {'v': 2}]|sum(attribute='v') }} {{ [1]|sum(start=5) }} {{ [3, 1]|max }} {{ [3, 1]|min }} {{ ['a', 'B']|max }} {{ []|max }}| {{ [1, 1, 2, 1]|unique|list }} {{ ['a', 'A', 'b']|unique|list }}
{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb'|indent(2, true) }}|{{ 'a\n\nb'|indent(width=1, blank=true) }}|{{ 'a\nb'|indent('> ') }}
{{ {'a': [1, 'é', none, true, 1.0]}|tojson }} {{ 'é<&>\'"'|tojson }} {{ 'é😀'|tojson(ensure_ascii=true) }} {{ {'b': 1, 'a': 2}|tojson(sort_keys=true) }} {{ [1, 2]|tojson(separators=(',', ':')) }}
{{ {'a': [1, {'b': []}], 'c': {}}|tojson(indent=2) }}
{{ {1: 'a', none: 'b', true: 'c'}|tojson }} {{ 'tab\t\x01\x7f'|tojson }} {{ missing|tojson }}
{{ '%s is %d and %.2f' % ('a', 3, 1.5) }} {{ '%s' % 'x' }} {{ '%5s|%-5s|%05d' % ('a', 'b', 42) }} {{ '%(k)s' % {'k': 'v'} }} {{ '100%%' % () }} {{ '%s-%s'|format(1, 2) }} {{ '%x' % 255 }}
{{ '%s' % (1, 2) }}
{{ '%d' % 'x' }}
{{ '  a b  c '.split() }} {{ 'a,b,,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ 'a b c'.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ 'a\nb\r\nc'.splitlines() }} {{ ''.split() }} {{ ''.split(',') }}
{{ ' x '.strip() }}| {{ 'xxyxx'.strip('x') }} {{ ' x '.lstrip() }}| {{ ' x '.rstrip() }}| {{ '\u00a0x\u2003'.strip() }}| {{ 'abcba'.strip('ab') }}
{{ 'abc'.startswith('a') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.find('c') }} {{ 'abc'.find('x') }} {{ 'aña'.rfind('a') }} {{ 'banana'.count('an') }} {{ 'abc'.index('b') }} {{ ', '.join(['a', 'b']) }}
{{ 'Hello World'.title() }} {{ "it's a dog".title() }} {{ 'hELLO'.capitalize() }} {{ 'Ab'.lower() }} {{ 'ab'.isupper() }} {{ 'AB'.isupper() }} {{ '12'.isdigit() }} {{ 'ab'.isalpha() }} {{ 'a1'.isalnum() }} {{ '  '.isspace() }} {{ ''.isspace() }}
{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }} {{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('=') }}
{{ '{} and {}'.format(1, 'b') }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=5) }} {{ '{{}}'.format() }}
{{ {'a': 1}.items()|list }} {{ {'a': 1}.keys()|list }} {{ {'a': 1}.values()|list }} {{ {'a': 1}.get('a') }} {{ {'a': 1}.get('b') }} {{ {'a': 1}.get('b', 2) }} {{ {'items': 5}['items'] }} {{ [1, 2, 1].count(1) }} {{ ['a', 'b'].index('b') }}
{% set l = [] %}{{ l.append(1) }}
{% set d = {} %}{{ d.update({'a': 1}) }}
{{ ''.__class__ }}|{{ ''.__class__ is defined }}
{{ ''.__class__.__mro__ }}
{{ x is defined }} {{ x is undefined }} {{ 1 is number }} {{ 1.0 is number }} {{ true is number }} {{ true is integer }} {{ 1 is integer }} {{ 1.0 is float }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is mapping }} {{ none is none }} {{ 0 is none }}
{{ [] is iterable }} {{ 'a' is iterable }} {{ 1 is iterable }} {{ {} is sequence }} {{ 1 is sequence }} {{ 'a' is sequence }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ true is boolean }} {{ none is boolean }} {{ range is callable }} {{ missing is iterable }}
{{ 4 is even }} {{ 3 is odd }} {{ 9 is divisibleby 3 }} {{ 1 is eq 1 }} {{ 1 is ne(2) }} {{ 2 is gt 1 }} {{ 1 is le 1 }} {{ 1 is sameas 1 }} {{ 'a' is in 'abc' }} {{ 2 is not in [1] }} {{ 'ab' is lower }} {{ 'AB' is upper }} {{ 1 is equalto 1 }} {{ 'x' is not string }}
{{ 1 is none or true }} {{ 'a' is string and 'b' is string }} {{ 1 if 'a' is string else 2 }} {{ (1 is defined) == true }}
{% for i in range(3) %}{{ i }},{% endfor %}|{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}|{% for i in [] %}x{% else %}empty{% endfor %}|{% for c in 'añ' %}[{{ c }}]{% endfor %}
{% for i in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}
{% for i in [1, 2, 3] %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {{ loop.previtem is defined }}{{ loop.cycle('a', 'b') }} {{ loop.depth }}{% endfor %}
{% for i in [1, 1, 2] %}{% if loop.changed(i) %}{{ i }}{% endif %}{% endfor %}
{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}|{% for a, b in [[1, 2], [3, 4]] %}{{ a + b }} {% endfor %}|{% for a, (b, c) in [[1, [2, 3]]] %}{{ a + b + c }}{% endfor %}
{% for i in [1, 2, 3, 4] if i is even %}{{ i }}/{{ loop.length }} {% endfor %}|{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% for i in [1, 2] %}{% for j in [3, 4] %}{{ loop.index }}{% if j == 4 %}{% break %}{% endif %}{% endfor %}{{ loop.index }};{% endfor %}
{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}
{% for i in 5 %}x{% endfor %}
{% for i in none %}x{% endfor %}
{% for i in missing %}x{% else %}none{% endfor %}
{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}
{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}
{% set ns = namespace(a=1) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }} {{ ns.b }}| {{ ns }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}|{% set t = 1, 2 %}{{ t }}|{% set (c, d) = [3, 4] %}{{ c }}{{ d }}
{% set x %}a{{ 1 + 1 }}b{% endset %}{{ x }}{{ x|length }}|{% set y | upper %}abc{% endset %}{{ y }}
{% set x = 1 %}{% set x.y = 2 %}
{% macro f(a, b=2, c='z') %}<{{ a }}{{ b }}{{ c }}>{% endmacro %}{{ f(1) }}{{ f(1, c=3) }}{{ f(1, 2, 3) }}{{ f(b=1, a=0) }}{{ f() }}
{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, x=3) }}
{% macro f(a) %}x{% endmacro %}{{ f(1, 2) }}
{% macro f(a) %}x{% endmacro %}{{ f(z=2) }}
{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}
{% macro f(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}|{% macro g() %}  x {% endmacro %}{{ g()|trim }}{{ g().strip() }}
{% set y = 1 %}{% macro f() %}{{ y }}{% endmacro %}{% set y = 2 %}{{ f() }}
{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}in{% endcall %}|{% macro g() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) g() %}{{ a + b }}{% endcall %}
{% filter upper %}abc{{ 'd' }}{% endfilter %}|{% filter replace('a', 'b') | upper %}banana{% endfilter %}
{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}|{% with %}{% set z = 1 %}{% endwith %}{{ z }}
{% generation %}x{% set q = 1 %}{% endgeneration %}{{ q }}|{% print 5 %}
{% raw %}{{ x }} {% if %}{% endraw %}|{# comment {{ x }} #}|{{ '{{' }}{{ '}}' }}
a {%- if true -%} b {%- endif -%} c|{{- ' x ' -}} |  {{ 'y' -}}   z
a⏎  {% if true %}⏎  b⏎  {% endif %}⏎c⏎
  {% set x = 1 %}⏎  {{ x }}⏎{# c #}⏎d⏎⏎
{%+ if true %}⏎  x{% endif +%}⏎y
a⏎⇥ {%- for i in [1, 2] %}⏎   {{ i }}⏎ {%- endfor %}⏎⏎end⏎
x␍⏎y␍z{{ 'a\r\nb' }}⏎
{{ {'a': 1, 'b': {'c': 2}} }} {{ {} }} {{ () }} {{ (1,) }} {{ {'a': 1}|string }} {{ {'a': "it's"} }}
{{ dict(a=1, b=2) }} {{ range(3)|list }} {{ namespace(x=1).x }} {{ dict({'a': 1}, b=2).b }}
{{ range(200000)|length }}
{{ raise_exception('Stop: ' ~ 1) }}
{{ 1 / 0 }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + 'a' }}
{{ 'a' < 1 }}
{{ 1 > 'a' }}
{{ -'a' }}
{{ 5() }}
{{ 'abc'.nosuch }}|{{ 'abc'.nosuch is defined }}
{{ 'abc'.nosuch() }}
{{ 5|length }}
{{ ['a', 1]|sort }}
{{ x.y.z is defined }}
{{ 'a'|nosuch }}
{{ 1 is nosuch }}
{{ 1 + }}
{% if true %}x
{% for x in %}{% endfor %}
{% endif %}
{{ 'abc }}
{{ [1, 2 }}
{{ (1 + 2 }}
{% nosuch %}
{% set 1 = 2 %}
{{ a.b.c.d }}
{% for i in [1,2] recursive2 %}{% endfor %}
{{ foo(a=1, 2) }}
{{ messages|length }} {{ messages[0].role }} {{ messages[0]['content'] }} {{ messages[-1].content|upper }} {{ messages|map(attribute='role')|join(',') }}
{{ messages[0] }}|{{ messages[0]|tojson }}|{{ messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|list }}
{{ messages[0].get('name', 'nobody') }} {{ 'role' in messages[0] }} {{ messages[0].nothing is defined }} {{ messages[5] is defined }} {{ messages[0].content.nothing }}
{{ add_generation_prompt }} {{ bos_token }} {{ tools is defined }} {{ tools is none }} {{ true is true and not false }}
{{ True }} {{ False }} {{ None }} {{ true|string }} {{ none|string }} {{ 'é'|e }} {{ '<a href="x">&\'</a>'|escape }}
{{ 'a b c'|wordcount }} {{ ['a']|attr('x') }}| {{ 'x'.upper()|lower ~ 'Y' }} {{ ('a' ~ 'b')|upper }} {{ 1|string|length }} {{ -1|abs }} {{ (-1)|abs }}
{{ 3 * 'ab' }} {{ 'ab' * 0 }}| {{ 'a' * -1 }}| {{ true + 1 }} {{ 5 - true }} {{ 10 % 4.5 }} {{ 2 * 1.5 }} {{ 7.0 // 2 }} {{ +5 }} {{ --5 }}
{{ 1 == 1 == 1 }} {{ 1 != 2 != 1 }} {{ 3 >= 3 }} {{ 3 <= 2 }} {{ 'b' > 'a' }} {{ none == none }} {{ none == false }} {{ [] == [] }} {{ {'a': 1} == {'a': 1.0} }} {{ (1,) == [1] }}
{{ [1, 2, 3,] }} {{ {'a': 1,} }} {{ [] }} {{ [[]] }} {{ [1, [2, [3]]] }} {{ {'x': [1, (2, 3)]} }}
{{ "double 'single'" }} {{ 'esc \' \\ \x41 \u00e9 \n' }} {{ "\t|" }} {{ 'a\qb' }}
{{ [1,2,3][::-1] }} {{ [1,2,3][-1:] }} {{ [1,2,3][5:] }} {{ 'abc'[:-5] }}| {{ 'abc'[-5:] }} {{ [1,2,3,4,5][1::2] }} {{ [1,2,3,4,5][-1:0:-2] }} {{ ''[::-1] }}|
{{ [1,2][::0] }}
{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}{% if [] %}a{% elif {} %}b{% else %}c{% endif %}{% if none %}{% endif %}
{% for m in messages %}{{ loop.index }}:{{ m.role }}={{ m['content']|trim }}{{ '' if loop.last else '; ' }}{% endfor %}
{%- set found = namespace(v=none) -%}{% for m in messages if m.role == 'user' %}{% set found.v = m.content %}{% endfor %}{{ found.v }}
{% for m in messages[1:] %}{{ m.role }}{% else %}only one{% endfor %}|{{ messages[::-1][0].role }}|{{ (messages|last).role }}
{{ (messages|first).content.split(' ')|length }} {{ messages[0].content[:3] }} {{ messages[0].content|length > 2 }} {{ messages[0].content ~ '!' }}
{{ [['a', 1], ['b', 2]]|map('first')|list }} {{ [['a', 1]]|map('last')|list }} {{ ['1', '2']|map('int')|sum }} {{ [' a ', 'b ']|map('trim')|join('|') }} {{ ['a', 'b']|map('replace', 'a', 'z')|list }}
{{ 'x' if missing else 'y' }} {{ missing or 'z' }} {{ (missing|default({})).get('a', 'none') }} {{ missing|default([])|length }} {{ not missing }}
"""


def render(template, context):
    try:
        return {"out": environment().from_string(template).render(**context)}
    except jinja2.exceptions.TemplateSyntaxError as error:
        return {"syntax": error.lineno}
    except jinja2.exceptions.UndefinedError as error:
        return {"error": str(error)}
    except jinja2.exceptions.SecurityError as error:
        return {"error": str(error)}
    except jinja2.exceptions.TemplateError as error:
        return {"error": str(error)}
    except Exception as error:  # TypeError, ZeroDivisionError and the like: their words change between versions of Python
        return {"error": None}


def main():
    templates = {"SmolLM2": Path(sys.argv[1]).read_text(), **TEMPLATES}
    results = []
    for name, source in templates.items():
        for c, conversation in enumerate(CONVERSATIONS):
            for v, variables in enumerate(VARIABLES):
                for prompt in (False, True):
                    context = {"messages": conversation, "add_generation_prompt": prompt, **variables}
                    results.append({"template": name, "conversation": c, "variables": v, "prompt": prompt, **render(source, context)})
    # Every output of a line is also a case of its own: in a line, those behind the first error would stay hidden.
    lines = [line.replace("⏎", "\n").replace("␍", "\r").replace("⇥", "\t") for line in CASES.strip("\n").split("\n")]
    sources = lines + [piece for line in lines if "{%" not in line for piece in re.findall(r"\{\{ .*? \}\}", line)]
    context = {"messages": CONVERSATIONS[1], "add_generation_prompt": True, **VARIABLES[0]}
    cases = [{"source": source, **render(source, context)} for source in dict.fromkeys(sources)]
    out = {"templates": templates, "conversations": CONVERSATIONS, "variables": VARIABLES, "results": results, "cases": cases}
    (Path(sys.argv[2]) / "chat_templates.json").write_text(json.dumps(out, ensure_ascii=False, separators=(",", ":")))
    print(len(results), "renderings,", len(cases), "cases,", sum("out" not in c for c in cases), "of them errors")


if __name__ == "__main__":
    main()
