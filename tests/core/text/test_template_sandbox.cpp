// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>

#include <QtTest>
#include <algorithm>

#include "core/text/chat_template.h"

using namespace safequant;

namespace {

/// What a rendering may take under sanitizers on a busy machine. Steps bound it; some tenths of a second are usual.
constexpr int kMostMilliseconds = 20000;
/// The largest resident set after any template, in KiB: the budget of steps pays for less.
constexpr long kMostKilobytes = 1'500'000;

/// A text of 2^times letters "a" in the variable `big`.
std::string doubled(int times) {
    return "{% set ns = namespace(x='a') %}{% for i in range(" + std::to_string(times) +
           ") %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{% set big = ns.x %}";
}
const std::string kForever = "{% for i in range(100000) %}{% for j in range(100000) %}";
const std::string kEnd = "{% endfor %}{% endfor %}";

std::string repeated(const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

/// `make(0)make(1)...` for templates that hold many different names.
template <typename Make>
std::string each(int count, Make make) {
    std::string out;
    for (int i = 0; i < count; ++i) out += make(std::to_string(i));
    return out;
}

Expected<std::vector<TextSpan>> renderText(const std::string& source) {
    const auto parsed = ChatTemplate::parse(source);
    if (!parsed) return fail(parsed.error());
    return (*parsed)->render({{"user", "content"}}, true, nlohmann::json::object());
}

}  // namespace

/// Templates made to hold the program up or to get out of the interpreter.
class TestTemplateSandbox : public QObject {
    Q_OBJECT

private slots:
    void hostileTemplatesEndWithAnError_data();
    void hostileTemplatesEndWithAnError();
    void costlyTemplatesStillEnd_data();
    void costlyTemplatesStillEnd();
    void longMessagesOfTemplatesAreCut();
};

void TestTemplateSandbox::hostileTemplatesEndWithAnError_data() {
    QTest::addColumn<std::string>("source");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* name, const std::string& source, const char* message) {
        QTest::newRow(name) << source << QString(message);
    };
    row("steps", "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "too many steps");
    row("doubling text",
        "{% set ns = namespace(x='a') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "too many steps");
    row("repeated text", "{{ 'a' * 1000000000000 }}", "16 MiB");
    row("padded text", "{{ '%100000s' % 'a' }}{% for i in range(100000) %}{{ '%100000s' % 'a' }}{% endfor %}",
        "16 MiB");
    row("indent", "{{ 'a'|indent(99999999999, true) }}", "16 MiB");
    row("doubling list",
        "{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "list of more than");
    row("repeated list", "{{ [1] * 1000000000000 }}", "too long a list");
    row("nested list",
        "{% set ns = namespace(x=[]) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}",
        "too deeply");
    row("shared lists compared",
        "{% set ns = namespace(x=[], y=[]) %}{% for i in range(150) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = "
        "[ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
        "too many steps");
    row("shared lists printed",
        "{% set ns = namespace(x=[]) %}{% for i in range(150) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x "
        "}}",
        "16 MiB");
    row("recursion", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "too deeply");
    row("range", "{{ range(1000000000)|length }}", "Range too big");
    row("namespace in itself", "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", "too deeply");
    row("parentheses", "{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}",
        "too deeply");
    row("long sum", "{{ 1" + repeated(" + 1", 5000) + " }}", "too deeply");
    row("nested blocks", repeated("{% if 1 %}", 5000) + repeated("{% endif %}", 5000),
        "too deeply");
    row("whole numbers", "{{ 9223372036854775807 + 1 }}", "64 bits");
    row("power", "{{ 10 ** 1000 }}", "64 bits");
    // Every one of these did a little for its steps and much for its time or memory in an interpreter that counts nodes alone.
    row("huge needle counted", doubled(22) + kForever + "{{ big.count(big[1:] ~ 'b') }}" + kEnd, "too many steps");
    row("huge needle looked for", doubled(22) + kForever + "{{ (big[:2000000] ~ 'b') in big }}" + kEnd, "too many steps");
    row("huge needle replaced", doubled(22) + kForever + "{{ big.replace(big[:2000000] ~ 'b', '') == '' }}" + kEnd, "too many steps");
    row("huge needle split", doubled(22) + kForever + "{{ big.split('b' ~ big)|length }}" + kEnd, "too many steps");
    row("huge needle from the right",
        doubled(22) + kForever + "{{ big.rfind('b' ~ big[:2000000]) }}{{ big.rsplit('b' ~ big[:2000000], 1)|length }}" + kEnd,
        "too many steps");
    row("texts compared",
        doubled(22) + "{% set other = big ~ '' %}" + kForever + "{% if big != other or big < other %}x{% endif %}" + kEnd, "too many steps");
    row("texts copied", doubled(22) + "{% set all = namespace(x=[]) %}" + kForever + "{% set all.x = [all.x[:150], big|string] %}" + kEnd,
        "too many steps");
    row("text joined to a letter", doubled(22) + kForever + "{% set x = big + 'a' %}" + kEnd, "too many steps");
    row("affixes", doubled(22) + "{{ (big ~ 'c').startswith([big ~ 'b'] * 1000000) }}", "too many steps");
    row("stripped characters", doubled(22) + kForever + "{{ big.strip(big ~ 'b')|length }}" + kEnd, "too many steps");
    row("letters looked up", "{% set big = '\xC3\xA9' * 4000000 %}" + kForever + "{{ big.isalpha() }}{{ big|wordcount }}" + kEnd,
        "too many steps");
    row("white space", "{% set big = ' ' * 4000000 %}" + kForever + "{{ big.isspace() }}{{ big.split()|length }}" + kEnd, "too many steps");
    row("padding thrown away", kForever + "{% set x = '%100000s' % 'a' %}" + kEnd, "too many steps");
    row("cases", doubled(22) + kForever + "{% set x = big|upper %}{% set x = big|title %}" + kEnd, "too many steps");
    row("first of a list", "{% set big = [1] * 1000000 %}" + kForever + "{{ big|first }}" + kEnd, "too many steps");
    row("mappings copied", "{% set d = {" + each(500, [](const std::string& i) { return i + ": " + i + ","; }) + "} %}" + kForever +
                               "{% set x = dict(d) %}" + kEnd,
        "too many steps");
    row("many names", each(40000, [](const std::string& i) { return "{% set a" + i + "=1 %}"; }), "too many steps");
    row("many keywords looked up",
        "{% macro f() %}{% for i in range(100000) %}{{ kwargs.a9999 }}{% endfor %}{% endmacro %}{{ f(" +
            each(10000, [](const std::string& i) { return "a" + i + "=1,"; }) + ") }}",
        "too many steps");
    row("many parameters and keywords",
        "{% macro f(first=1" + each(20000, [](const std::string& i) { return std::string(",a").append(i).append("=1"); }) + ") %}{% endmacro %}{{ f(" +
            each(20000, [](const std::string& i) { return std::string("a").append(std::to_string(19999 - std::stoi(i))).append("=1,"); }) + ") }}",
        "too many steps");
    row("arguments copied for every item",
        "{{ range(100000)|map('default', " + repeated("1,", 20000) + ")|list|length }}", "too many steps");
    row("macros in a loop", kForever + "{% macro f() %}{% endmacro %}" + kEnd, "too many steps");
    row("namespaces in a loop", kForever + "{% set x = namespace(a=1) %}" + kEnd, "too many steps");
    row("namespaces in a chain",
        "{% set ns = namespace(x=none) %}" + kForever + "{% set ns.x = namespace(x=ns.x) %}" + kEnd, "too many steps");
    row("paths through a circle",
        "{% set ns = namespace() %}{% set ns.a = ns %}{% set path = ('a.' * 500000) ~ 'a' %}{{ ([ns] * 100)|map(attribute=path)|list|length }}",
        "too many steps");
    row("macros that call each other", "{% macro f(g, h) %}{{ g(h, g) }}{% endmacro %}{{ f(f, f) }}", "too deeply");
    row("branching recursion", "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "too many steps");
    row("callers", "{% macro f() %}{{ caller() }}{% call f() %}x{% endcall %}{% endmacro %}{% call f() %}x{% endcall %}",
        "too deeply");
    row("join explosion", doubled(12) + "{{ ([big] * 100000)|join(big) }}", "16 MiB");
    row("empty text replaced", doubled(22) + "{{ big.replace('', 'abcdefgh') }}", "16 MiB");
    row("escapes", "{% set big = '&' * 4000000 %}{{ big|e }}", "16 MiB");
    row("representation of a representation",
        "{% set ns = namespace(x=\"'\\\"\") %}{% for i in range(100) %}{% set ns.x = [ns.x]|string %}{% endfor %}{{ ns.x }}", "16 MiB");
    row("tojson of shared lists", "{% set ns = namespace(x=[]) %}{% for i in range(150) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}",
        "16 MiB");
    row("tojson with a huge indent", "{{ [[[[1]]]]|tojson(indent=99999999999) }}", "16 MiB");
    row("indented lines", "{{ ('a\n' * 1000000)|indent(1000) }}", "16 MiB");
    row("sum of texts", doubled(12) + "{{ ([big] * 100000)|sum(start='') }}", "too many steps");
    row("sum of lists", "{{ ([[1] * 1000] * 100000)|sum(start=[]) }}", "too many steps");
    row("all different", "{{ range(100000)|unique|list|length }}", "too many steps");
    row("slices", "{% set big = range(100000) %}" + kForever + "{{ big[::-1][::2][1:]|length }}" + kEnd, "too many steps");
    row("letters of a text", doubled(23) + "{% for c in big %}{% endfor %}", "too long to loop over");
    row("content and template in turn", "{% for i in range(100000) %}{{ (messages[0].content * 1000)|join('-') }}{% endfor %}", "too many steps");
    row("digits of fractions", "{{ ([1.5e300] * 1000000)|map('round', 300)|list|length }}", "too many steps");
    row("a chain of attributes", "{{ a" + repeated(".a", 5000) + " }}", "too deeply");
    row("a chain of filters", "{{ a" + repeated("|string", 5000) + " }}", "too deeply");
    row("a chain of calls", "{{ range" + repeated("(1)", 5000) + " }}", "too deeply");
    row("signs", "{{ " + repeated("- ", 5000) + "1 }}", "too deeply");
    row("lists in lists", "{{ " + repeated("[", 5000) + repeated("]", 5000) + " }}", "too deeply");
    row("long name", "{% set " + repeated("a", 300) + " = 1 %}", "more than 256 bytes");
    row("large source", repeated("a", 1100000), "larger than 1 MiB");
    row("class of a text", "{{ ''.__class__.__mro__[1].__subclasses__() }}", "is unsafe");
    row("class by attr", "{{ (''|attr('__class__')).mro }}", "is unsafe");
    row("class by subscript", "{{ ''['__class__']['__base__'] }}", "has no attribute '__class__'");
    row("class by map", "{{ ['']|map(attribute='__class__.__base__')|list }}", "has no attribute '__class__'");
    row("globals of a function", "{{ range.__globals__['os'] }}", "is unsafe");
    row("globals of a macro", "{% macro f() %}{% endmacro %}{{ f.__init__.__globals__ }}", "is unsafe");
    row("format reaching for attributes", "{{ '{0.__class__}'.format('') }}", "plain fields only");
    row("self", "{{ self.__init__.__globals__ }}", "'self' is undefined");
    row("cycler", "{{ cycler.__init__.__globals__.os.popen('id').read() }}", "'cycler' is undefined");
    row("files", "{% include '/etc/passwd' %}", "The tag 'include' is not supported");
    row("other templates", "{% extends '/etc/passwd' %}", "'extends'");
}

void TestTemplateSandbox::hostileTemplatesEndWithAnError() {
    QFETCH(std::string, source);
    QFETCH(QString, message);
    QElapsedTimer timer;
    timer.start();
    const auto spans = renderText(source);
    const auto took = timer.elapsed();
    QVERIFY(!spans.has_value());
    QVERIFY2(spans.error().message.find(message.toStdString()) != std::string::npos, spans.error().message.c_str());
    QVERIFY(spans.error().context.starts_with("chat template"));
    QVERIFY2(took < kMostMilliseconds, qPrintable(QString::number(took)));
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    QVERIFY2(usage.ru_maxrss < kMostKilobytes, qPrintable(QString::number(usage.ru_maxrss)));
}

void TestTemplateSandbox::costlyTemplatesStillEnd_data() {
    QTest::addColumn<std::string>("source");
    QTest::addColumn<QString>("out");
    const auto row = [](const char* name, const std::string& source, const char* out) {
        QTest::newRow(name) << source << QString(out);
    };
    row("needle", doubled(20) + "{{ big.count(big[:500000] ~ 'b') }} {{ big.find('b') }} {{ big.rfind('aa') }}", "0 -1 1048574");
    row("rsplit", "{{ ('a,b,c' * 2).rsplit(',', 2) }} {{ 'aaa'.rsplit('aa', 1) }} {{ 'aXbX'.rsplit('X', 5) }}",
        "['a,b,ca', 'b', 'c'] ['a', ''] ['a', 'b', '']");
    row("last occurrence", "{{ 'aaa'.rfind('aa') }} {{ 'abc'.rfind('') }} {{ '\xC3\xA9x\xC3\xA9'.rfind('\xC3\xA9') }} {{ 'a=b=c'.rpartition('=') }}",
        "1 3 2 ('a=b', '=', 'c')");
    row("strip", "{{ ('ab' * 100000 ~ '\xC3\xA9' ~ 'ba' * 100000).strip('ab') }}", "\u00e9");
    row("empty replaced by empty", doubled(20) + "{{ big.replace('', '')|length }}", "1048576");
    row("a loop that remembers itself", "{% for i in [1, 2, 3] %}{{ loop.changed(loop) }}{% endfor %}", "TrueFalseFalse");
    row("a class is no value", "{{ ''.__class__ }}|{{ ''|attr('__class__') is defined }}", "|False");
}

void TestTemplateSandbox::costlyTemplatesStillEnd() {
    QFETCH(std::string, source);
    QFETCH(QString, out);
    const auto spans = renderText(source);
    QVERIFY2(spans.has_value(), spans ? "" : spans.error().describe().c_str());
    std::string text;
    for (const TextSpan& span : *spans) text += span.text;
    QCOMPARE(QString::fromStdString(text), out);
}

void TestTemplateSandbox::longMessagesOfTemplatesAreCut() {
    const auto spans = renderText("{{ raise_exception('\xC3\xA9' * 1000000) }}");
    QVERIFY(!spans.has_value());
    QCOMPARE(spans.error().message.size(), std::size_t{1003});
    QVERIFY(spans.error().message.ends_with("\xC3\xA9..."));
}

QTEST_GUILESS_MAIN(TestTemplateSandbox)
#include "test_template_sandbox.moc"
