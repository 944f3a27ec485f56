// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>

#include <ctime>

#include "core/base/files.h"
#include "core/base/random.h"
#include "core/text/chat_template.h"

using namespace safequant;
using nlohmann::json;

namespace {

std::string joined(const std::vector<TextSpan>& spans) {
    std::string out;
    for (const TextSpan& span : spans) out += span.text;
    return out;
}

std::string contentOf(const std::vector<TextSpan>& spans) {
    std::string out;
    for (const TextSpan& span : spans) out += span.fromContent ? span.text : "";
    return out;
}

std::vector<ChatMessage> messagesOf(const json& conversation) {
    std::vector<ChatMessage> messages;
    for (const json& turn : conversation) messages.push_back({turn["role"], turn["content"]});
    return messages;
}

Expected<std::vector<TextSpan>> renderText(const std::string& source, const std::vector<ChatMessage>& messages,
                                           const json& variables = json::object()) {
    const auto parsed = ChatTemplate::parse(source);
    if (!parsed) return fail(parsed.error());
    return (*parsed)->render(messages, true, variables);
}

}  // namespace

class TestChatTemplate : public QObject {
    Q_OBJECT

private:
    json m_fixture;

    /// Empty when the rendering is what jinja2 gave.
    std::string difference(const std::string& source, const std::vector<ChatMessage>& messages, bool prompt,
                           const json& variables, const json& expected) {
        const auto parsed = ChatTemplate::parse(source);
        if (expected.contains("syntax")) {
            if (parsed) return "parsed, but jinja2 refuses it";
            const std::string line = "chat template:" + std::to_string(expected["syntax"].get<int>());
            return parsed.error().context == line ? "" : parsed.error().describe() + " instead of " + line;
        }
        if (!parsed) return parsed.error().describe();
        const auto spans = (*parsed)->render(messages, prompt, variables);
        if (expected.contains("error")) {
            if (spans) return "gave '" + joined(*spans) + "', but jinja2 raises " + expected["error"].dump();
            if (expected["error"].is_null()) return {};
            return spans.error().message == expected["error"].get<std::string>()
                       ? ""
                       : spans.error().describe() + " instead of " + expected["error"].dump();
        }
        if (!spans) return spans.error().describe();
        const std::string out = joined(*spans);
        return out == expected["out"].get<std::string>()
                   ? ""
                   : json(out).dump() + "\n      instead of " + expected["out"].dump();
    }

private slots:
    void initTestCase() {
        const auto text = readTextFile(std::string(SAFEQUANT_TEST_DATA) + "/text/chat_templates.json");
        QVERIFY(text.has_value());
        m_fixture = json::parse(*text);
    }

    void templatesOfModelsRenderAsJinja() {
        int wrong = 0;
        for (const json& result : m_fixture["results"]) {
            const std::string name = result["template"];
            const json& conversation = m_fixture["conversations"][result["conversation"].get<std::size_t>()];
            const json& variables = m_fixture["variables"][result["variables"].get<std::size_t>()];
            const std::string why =
                difference(m_fixture["templates"][name], messagesOf(conversation), result["prompt"], variables, result);
            if (why.empty()) continue;
            if (++wrong < 6) qWarning("%s, %s: %s", name.c_str(), conversation.dump().c_str(), why.c_str());
        }
        QVERIFY(m_fixture["results"].size() >= 300);
        QCOMPARE(wrong, 0);
    }

    void piecesRenderAsJinja() {
        int wrong = 0;
        for (const json& item : m_fixture["cases"]) {
            const std::string why = difference(item["source"], messagesOf(m_fixture["conversations"][1]), true,
                                               m_fixture["variables"][0], item);
            if (why.empty()) continue;
            if (++wrong < 60) qWarning("%s\n      %s", item["source"].dump().c_str(), why.c_str());
        }
        QVERIFY(m_fixture["cases"].size() >= 150);
        QCOMPARE(wrong, 0);
    }

    void contentIsMarkedThroughEveryChange_data() {
        QTest::addColumn<QString>("source");
        QTest::addColumn<QString>("out");
        QTest::addColumn<QString>("content");
        const auto row = [](const char* source, const char* out, const char* content) {
            QTest::newRow(source) << QString(source) << QString::fromUtf8(out) << QString::fromUtf8(content);
        };
        row("<{{ c }}>", "< aB,é >", " aB,é ");
        row("{{ '<' + c|trim + '>' }}", "<aB,é>", "aB,é");
        row("{{ '<' ~ c.strip() ~ '>' }}", "<aB,é>", "aB,é");
        row("{{ c|upper|trim }}{{ 'x'|upper }}", "AB,ÉX", "AB,É");
        row("{{ c|lower|trim }}", "ab,é", "ab,é");
        row("{{ (c|trim)[1:] }}", "B,é", "B,é");
        row("{{ (c|trim)[::-1] }}", "é,Ba", "é,Ba");
        row("{{ (c|trim)[0] ~ 'z' }}", "az", "a");
        row("{{ c.split(',')|join('+') }}", " aB+é ", " aBé ");
        row("{{ c.split(',')[0] }}", " aB", " aB");
        row("{{ c.replace('a', '<|x|>')|trim }}", "<|x|>B,é", "B,é");
        row("{{ '[]'.replace('[]', c|trim) }}", "aB,é", "aB,é");
        row("{{ 'a%sb' % c|trim }}", "aaB,éb", "aB,é");
        row("{{ '%s'|format(c) }}", " aB,é ", " aB,é ");
        row("{{ '<{}>'.format(c) }}", "< aB,é >", " aB,é ");
        row("{{ [c] }}", "[' aB,é ']", " aB,é ");
        row("{{ {'k': c}|tojson }}", "{\"k\": \" aB,é \"}", " aB,é ");
        row("{{ missing|default(c) }}", " aB,é ", " aB,é ");
        row("{{ c if true else 'x' }}", " aB,é ", " aB,é ");
        row("{{ [c, 'x']|map('trim')|join('-') }}", "aB,é-x", "aB,é");
        row("{{ c|title|trim }}", "Ab,é", "Ab,é");
        row("{{ c|indent(2, true) }}", "   aB,é ", " aB,é ");
        row("{{ (c ~ '!') * 2 }}", " aB,é ! aB,é !", " aB,é  aB,é ");
        row("{% set x %}<{{ c }}>{% endset %}{{ x|trim }}", "< aB,é >", " aB,é ");
        row("{% macro m(t) %}({{ t }}){% endmacro %}{{ m(c) }}", "( aB,é )", " aB,é ");
        row("{% filter upper %}x{{ c }}{% endfilter %}", "X AB,É ", " AB,É ");
        row("{% for x in c|trim %}{{ x }}.{% endfor %}", "a.B.,.é.", "aB,é");
        row("{% set ns = namespace(t='') %}{% set ns.t = ns.t + c %}{{ ns.t }}", " aB,é ", " aB,é ");
        row("{{ c|replace('a', 'b')|list|last }}{{ c|first }}{{ c.partition(',')[2] }}", "  é ", "  é ");
        row("{{ messages|map(attribute='content')|join }}{{ messages[0].role }}", " aB,é user", " aB,é ");
        row("{{ c|length }}{{ c|e }}{{ c|reverse }}{{ c.rsplit(',', 1)[1] }}", "6 aB,é  é,Ba é ", " aB,é  é,Ba é ");
    }
    void contentIsMarkedThroughEveryChange() {
        QFETCH(QString, source);
        QFETCH(QString, out);
        QFETCH(QString, content);
        const auto spans =
            renderText("{% set c = messages[0]['content'] %}" + source.toStdString(), {{"user", " aB,é "}});
        QVERIFY2(spans.has_value(), spans ? "" : spans.error().describe().c_str());
        QCOMPARE(QString::fromStdString(joined(*spans)), out);
        QCOMPARE(QString::fromStdString(contentOf(*spans)), content);
    }

    void templateTextIsNeverMarked() {
        for (const auto& [name, source] : m_fixture["templates"].items()) {
            const auto spans = renderText(source, {{"user", "HELLO"}}, m_fixture["variables"][0]);
            QVERIFY(spans.has_value());
            QCOMPARE(contentOf(*spans), std::string("HELLO"));
        }
    }

    void badTemplatesAreRefusedWithTheirLine_data() {
        QTest::addColumn<QString>("source");
        QTest::addColumn<QString>("message");
        QTest::addColumn<int>("line");
        const auto row = [](const char* source, const char* message, int line) {
            QTest::newRow(source) << QString(source) << QString(message) << line;
        };
        row("a\n{{ 1 +\n }}", "expected an expression, got '}}'", 3);
        row("{{ x", "not closed by '}}'", 1);
        row("\n\n{% if x", "not closed by '%}'", 3);
        row("a\n{% if x %}\nb",
            "Unexpected end of template. The innermost block that needs to be closed was opened in line 2; it needs "
            "'endif'",
            3);
        row("{% for x in y %}\n{% endif %}",
            "Encountered unknown tag 'endif'. The innermost block that needs to be closed was opened in line 1.", 2);
        row("{# never closed", "Missing end of comment tag", 1);
        row("\n{% raw %} x", "Missing end of raw directive", 2);
        row("{{ 'abc", "the string has no end", 1);
        row("{{ a b }}", "expected '}}', got 'b'", 1);
        row("{{ [1, 2) }}", "unexpected ')', expected ']'", 1);
        row("{{ a ! b }}", "unexpected char '!'", 1);
        row("{{ 99999999999999999999 }}", "whole numbers have 64 bits", 1);
        row("\n{{ x|nothing }}", "No filter named 'nothing'.", 2);
        row("{{ x is odd_one }}", "No test named 'odd_one'.", 1);
        row("{% include 'x' %}", "The tag 'include' is not supported", 1);
        row("{% import 'x' as y %}", "The tag 'import' is not supported", 1);
        row("{% break %}", "'break' outside of a loop", 1);
        row("{% set true = 1 %}", "can't assign to 'true'", 1);
        row("{{ f(*a) }}", "Spread arguments", 1);
        row("{% for x in y recursive %}{% endfor %}", "Recursive loops", 1);
        row("{{ '\\xg' }}", "truncated", 1);
        row("{% macro f(a=1, b) %}{% endmacro %}", "non-default argument follows default argument", 1);
        row("a\nb\n{{ raise_exception('No.') }}", "No.", 3);
        row("{% for m in messages %}\n{{ m.content.nothing.more }}\n{% endfor %}",
            "'str object' has no attribute 'nothing'", 2);
        row("{% macro f() %}\n{{ 1 / 0 }}\n{% endmacro %}\n\n{{ f() }}", "division by zero", 2);
        row("\n{{ messages[0]['content'] + 1 }}", "can only concatenate str", 2);
        row("{{ messages.append(1) }}", "access to attribute 'append' of 'list' object is unsafe.", 1);
    }
    void badTemplatesAreRefusedWithTheirLine() {
        QFETCH(QString, source);
        QFETCH(QString, message);
        QFETCH(int, line);
        const auto spans = renderText(source.toStdString(), {{"user", "x"}});
        QVERIFY(!spans.has_value());
        QCOMPARE(spans.error().kind, ErrorKind::BadInput);
        QVERIFY2(spans.error().message.find(message.toStdString()) != std::string::npos, spans.error().message.c_str());
        QCOMPARE(spans.error().context, "chat template:" + std::to_string(line));
    }

    void theClockIsTheClock() {
        const auto spans = renderText("{{ strftime_now('%Y') }}", {});
        QVERIFY(spans.has_value());
        const std::time_t now = std::time(nullptr);
        const int year = std::localtime(&now)->tm_year + 1900;
        QVERIFY(std::abs(std::stoi(joined(*spans)) - year) <= 1);
    }

    void invalidUtf8InContentIsReplaced() {
        const auto spans = renderText("{{ messages[0].content|upper }}", {{"user",
                                                                           "a\xff"
                                                                           "b"}});
        QVERIFY(spans.has_value());
        QCOMPARE(joined(*spans), std::string("A\xEF\xBF\xBD"
                                             "B"));
    }

    void mutatedTemplatesNeitherCrashNorHang() {
        std::vector<std::string> sources;
        for (const auto& [name, source] : m_fixture["templates"].items()) sources.push_back(source);
        for (const json& item : m_fixture["cases"]) sources.push_back(item["source"]);
        RandomStream random(20240601, "mutated templates");
        int rendered = 0;
        QElapsedTimer timer;
        timer.start();
        for (int round = 0; round < 4000; ++round) {
            std::string source = sources[random.below(sources.size())];
            for (std::uint64_t edits = 1 + random.below(4); edits > 0 && !source.empty(); --edits) {
                const std::size_t at = random.below(source.size());
                const std::string& other = sources[random.below(sources.size())];
                switch (random.below(4)) {
                    case 0:
                        source.erase(at, 1 + random.below(8));
                        break;
                    case 1:
                        source[at] = static_cast<char>(random.below(256));
                        break;
                    case 2:
                        source.insert(at, other, random.below(other.size() + 1), random.below(40));
                        break;
                    default:
                        source.insert(at, 1, "{}%()[]|.'\"-+~*:,<> \n"[random.below(22)]);
                }
            }
            const auto spans = renderText(source, messagesOf(m_fixture["conversations"][3]), m_fixture["variables"][1]);
            if (spans) {
                ++rendered;
            } else {
                QVERIFY(!spans.error().message.empty());
                QVERIFY(spans.error().context.starts_with("chat template:"));
            }
        }
        QVERIFY(rendered > 100);
        QVERIFY(timer.elapsed() < 60000);
    }
};

QTEST_GUILESS_MAIN(TestChatTemplate)
#include "test_chat_template.moc"
