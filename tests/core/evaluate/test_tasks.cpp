// SPDX-License-Identifier: GPL-3.0-or-later
#include <set>

#include "core/evaluate/attack.h"
#include "core/evaluate/task.h"
#include "core/evaluate/task_exact_match.h"
#include "tests/core/model/model_fixtures.h"
#include "tests/support/tiny_model.h"

using namespace safequant;
using namespace safequant::testing;

namespace {

/// Harmful when the text holds a lower-case vowel; decided by its first three bytes.
class ShortJudge final : public TextJudge {
public:
    ShortJudge() : TextJudge(JudgeInfo{"short", 1, {}, false, {}}) {}
    Outcome outcome(std::string_view answer) const override {
        return answer.substr(0, 3).find_first_of("aeiou") == std::string_view::npos ? Outcome::Refused : Outcome::Complied;
    }
    bool decided(std::string_view answer) const override { return answer.size() >= 3; }
};

}  // namespace

class TestTasks : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::unique_ptr<LanguageModel> m_model;
    ChatFormat m_format;

    std::string write(const std::string& content) {
        const auto path = m_folder.filePath("items.jsonl").toStdString();
        std::ofstream(path) << content;
        return path;
    }

private slots:
    void initTestCase() {
        writeTinyModel(m_folder.path().toStdString());
        const auto checkpoint = openModel(m_folder.path().toStdString());
        auto model = LanguageModel::load(checkpoint, checkpointBlocks(checkpoint));
        auto format = ChatFormat::create(checkpoint->tokenizerSource());
        QVERIFY(model.has_value() && format.has_value());
        m_model = std::move(*model);
        m_format = *format;
    }

    void numbers_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<double>("number");
        QTest::newRow("last") << "First 3, then 4." << 4.0;
        QTest::newRow("commas") << "It costs $1,234,567." << 1234567.0;
        QTest::newRow("point") << "That is 2.50 each" << 2.5;
        QTest::newRow("end of sentence") << "You need 12." << 12.0;
        QTest::newRow("negative") << "x = -7" << -7.0;
        QTest::newRow("range") << "3-5" << 5.0;
        QTest::newRow("mark") << "So\n#### 18\nCheck: 3 * 6" << 18.0;
        QTest::newRow("mark without number") << "7 ####" << 7.0;
        QTest::newRow("version") << "1.2.3" << 3.0;
    }
    void numbers() {
        QFETCH(QString, text);
        QFETCH(double, number);
        const auto found = numberIn(text.toStdString());
        QVERIFY(found.has_value());
        QCOMPARE(*found, number);
    }

    void noNumber() { QVERIFY(!numberIn("none, at all.").has_value() && !numberIn("").has_value()); }

    void readsItems() {
        const auto& choices = *findTaskKind("multiple-choice");
        const auto& exact = *findTaskKind("exact-match");
        const auto bad = [&](const std::string& content, const TaskKind& kind, const std::string& line) {
            const auto read = readTaskItems(write(content), kind);
            return !read && read.error().kind == ErrorKind::BadInput && read.error().context.ends_with(line);
        };
        const std::string good = R"({"id":"a","question":"q","choices":["x","y"],"answer":1})";
        const auto items = readTaskItems(write(good + "\n\n"), choices);
        QVERIFY(items.has_value());
        QCOMPARE(items->size(), std::size_t{1});
        QCOMPARE((*items)[0].right, std::size_t{1});
        QVERIFY(bad(good + "\n" + good, choices, ":2"));
        QVERIFY(bad(R"({"id":"a","question":"q","choices":["x","y"],"answer":2})", choices, ":1"));
        QVERIFY(bad(R"({"id":"a","question":"q","choices":["x",""],"answer":0})", choices, ":1"));
        QVERIFY(bad(R"({"id":"a","question":"q","choices":["x"],"answer":0})", choices, ":1"));
        QVERIFY(bad(R"({"id":"a","question":"q","answer":"many"})", exact, ":1"));
        QVERIFY(bad("{", exact, ":1"));
        QVERIFY(bad("", exact, "items.jsonl"));
        QCOMPARE(readTaskItems("/nowhere", exact).error().kind, ErrorKind::NotFound);
        for (const char* file : {"arc-easy", "banking-intents-test", "banking-intents"})
            QVERIFY(readTaskItems(std::string(SAFEQUANT_SOURCE_DIR) + "/resources/tasks/" + file + ".jsonl", choices).has_value());
        const auto math = readTaskItems(std::string(SAFEQUANT_SOURCE_DIR) + "/resources/tasks/gsm8k.jsonl", exact);
        QVERIFY(math.has_value());
        QCOMPARE(math->size(), std::size_t{400});
        const auto some = chooseTaskItems(*math, 10, 4);
        const auto more = chooseTaskItems(*math, 20, 4);
        QCOMPARE(some.size(), std::size_t{10});
        for (const auto& item : some)
            QVERIFY(std::ranges::any_of(more, [&](const auto& other) { return other.id == item.id; }));
    }

    /// Every choice scored alone as a window, with no code shared but the model's.
    void choosesByLikelihoodPerByte() {
        std::vector<TaskItem> items;
        for (int i = 0; i < 12; ++i)
            items.push_back({"i" + std::to_string(i), "Number " + std::to_string(i * 37) + "?", {"tea " + std::to_string(i * 7), "jam " + std::to_string(i * 13), "a loaf " + std::to_string(i * 29)}, 1, {}});
        const auto answers = findTaskKind("multiple-choice")->run(*m_model, m_format, items, 0, {});
        QVERIFY(answers.has_value());
        std::set<std::size_t> taken;
        for (std::size_t i = 0; i < items.size(); ++i) {
            const auto nats = [&](const std::string& text) {
                return m_model->score({m_format.tokenizer->encode(text, SpecialTokens::Text)})->negativeLogLikelihood;
            };
            const std::string context = "Question: " + items[i].question + "\nAnswer:";
            std::size_t best = 0;
            double lowest = 1e9;
            for (std::size_t k = 0; k < 3; ++k) {
                const double each = (nats(context + " " + items[i].choices[k]) - nats(context)) / static_cast<double>(items[i].choices[k].size());
                if (each < lowest) {
                    lowest = each;
                    best = k;
                }
            }
            QCOMPARE((*answers)[i].said, items[i].choices[best]);
            QCOMPARE((*answers)[i].correct, best == 1);
            taken.insert(best);
        }
        QVERIFY(taken.size() > 1);
    }

    void classificationComparesTheBeginning() {
        const auto& kind = *findTaskKind("classification");
        std::vector<TaskItem> items{{"a", "Which?", {"x", "y"}, 0, {}}};
        const auto first = kind.run(*m_model, m_format, items, 6, {});
        QVERIFY(first.has_value());
        const auto prompt = m_format.encodePrompt("Which?\nAnswer with one intent: x, y.");
        DecodingOptions decoding;
        decoding.maxNewTokens = 6;
        const auto generated = m_model->generate({*prompt}, decoding);
        QCOMPARE(first->front().said, m_format.tokenizer->decode(generated->front().tokens, true));
        QVERIFY(!first->front().correct);
    }

    void attackIsNestedAndStopsOnlyWhenAsked() {
        const std::vector<AttackPrompt> prompts{{"a", "one"}, {"b", "two"}, {"c", "three"}};
        const ShortJudge judge;
        AttackGrid grid;
        grid.samples = 4;
        const AttackSetting setting{0.9, 40, 0.95};
        const auto whole = attackWith(*m_model, m_format, prompts, setting, grid, 20, 7, judge, {});
        QVERIFY(whole.has_value());
        QCOMPARE(whole->size(), std::size_t{12});
        grid.samples = 2;
        const auto fewer = attackWith(*m_model, m_format, prompts, setting, grid, 20, 7, judge, {});
        for (std::size_t i = 0; i < fewer->size(); ++i) QCOMPARE((*fewer)[i].text, (*whole)[i].text);
        QVERIFY((*whole)[0].text != (*whole)[3].text);
        grid.stopWhenDecided = true;
        const auto stopped = attackWith(*m_model, m_format, prompts, setting, grid, 20, 7, judge, {});
        int early = 0;
        for (std::size_t i = 0; i < stopped->size(); ++i) {
            QVERIFY(!(*fewer)[i].stopped);
            QCOMPARE((*stopped)[i].outcome, (*fewer)[i].outcome);
            if ((*stopped)[i].stopped) {
                ++early;
                QVERIFY((*stopped)[i].tokens < (*fewer)[i].tokens);
            }
        }
        QVERIFY(early > 0);
        grid = {{0.5, 1.0}, {0, 10}, {0.9}, 1, false};
        const auto settings = attackSettings(grid);
        QCOMPARE(settings.size(), std::size_t{4});
        QCOMPARE(settings[3].name(), std::string("t1-k10-p0.9"));
    }

    void attackSummary() {
        std::vector<AttackAnswer> answers;
        const auto add = [&](const char* id, int sample, Outcome outcome) { answers.push_back({id, sample, {}, outcome, 1, false}); };
        add("a", 0, Outcome::Refused);
        add("b", 0, Outcome::Complied);
        add("c", 0, Outcome::Incoherent);
        add("a", 1, Outcome::Unparsed);
        add("b", 1, Outcome::Complied);
        add("c", 1, Outcome::Refused);
        const auto summary = summariseAttack(answers, {{"a", 3}, {"b", 3}}, {{"a", false}, {"b", true}, {"c", true}}, 1);
        QCOMPARE(summary.meanSuccess, 0.5);
        QCOMPARE(summary.anySuccess.count, std::uint64_t{2});
        QCOMPARE(summary.anySuccess.total, std::uint64_t{3});
        QCOMPARE(summary.toHarmful, std::vector<std::string>{"a"});
        QCOMPARE(summary.toSafe, std::vector<std::string>{"c"});
        // Two clusters only: a resample holds one of them alone or both.
        QCOMPARE(summary.meanInterval.low, 0.0);
        QCOMPARE(summary.meanInterval.high, 0.75);
    }
};

QTEST_GUILESS_MAIN(TestTasks)
#include "test_tasks.moc"
