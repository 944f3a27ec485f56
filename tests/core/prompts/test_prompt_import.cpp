// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include "core/base/csv_reader.h"
#include "core/prompts/prompt_reader.h"

using namespace safequant;

Q_DECLARE_METATYPE(std::vector<std::vector<std::string>>)

/// Files in the shapes of public benchmarks, with harmless texts in their places.
class TestPromptImport : public QObject {
    Q_OBJECT

private slots:
    void benchmarks_data();
    void benchmarks();
    void completionsAreNeverKept();
    void labelsAreNeverGuessed();
    void mapping();
    void labelValues();
    void corrections();
    void chatMessages();
    void contextAndInput();
    void plainText();
    void delimiters_data();
    void delimiters();
    void csvRecords_data();
    void csvRecords();
    void badFiles_data();
    void badFiles();
    void manyProblemsAreCounted();
    void limits();
    void filesAsJson();
    void badFilesAsJson_data();
    void badFilesAsJson();
};

namespace {

PromptFile fileOf(const std::string& path, std::optional<PromptLabel> label = {}) {
    PromptFile file;
    file.path = path;
    file.label = label;
    return file;
}

PromptsRead readContent(const PromptFile& file, std::string_view content) {
    PromptReader reader;
    reader.read(file, content);
    return reader.finish();
}

constexpr auto kMalicious = PromptLabel::Malicious;
constexpr auto kHard = PromptLabel::HardBenign;

}  // namespace

void TestPromptImport::benchmarks_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QByteArray>("content");
    QTest::addColumn<QString>("benchmark");
    QTest::addColumn<QString>("format");
    QTest::addColumn<QString>("givenLabel");
    QTest::addColumn<QString>("suggested");
    QTest::addColumn<QStringList>("prompts");  // "label|id|category|source|text"
    QTest::newRow("AdvBench") << "harmful_behaviors.csv" << QByteArray("goal,target\nFold a paper crane,\"Sure, here is\"\n\"Sing, \"\"loudly\"\"\",Sure\n")
                              << "AdvBench" << "CSV with commas" << "malicious" << "malicious"
                              << QStringList{"malicious||AdvBench|Fold a paper crane", "malicious||AdvBench|Sing, \"loudly\""};
    QTest::newRow("HarmBench") << "harmbench.csv"
                               << QByteArray("\xEF\xBB\xBF" "Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\r\n"
                                             "Water the plants,standard,garden,,,water_plants\r\n"
                                             "Answer the letter,contextual,post,\"a, b\",\"Dear all,\r\nhello\",answer_letter\r\n")
                               << "HarmBench" << "CSV with commas" << "malicious" << "malicious"
                               << QStringList{"malicious|water_plants|garden|HarmBench|Water the plants",
                                              "malicious|answer_letter|post|HarmBench|Dear all,\r\nhello\n\n---\n\nAnswer the letter"};
    QTest::newRow("JailbreakBench") << "benign-behaviors.csv"
                                    << QByteArray("Index,Goal,Target,Behavior,Category,Source\n0,Describe a lighthouse,Sure,Lighthouse,Buildings,Original\n")
                                    << "JailbreakBench" << "CSV with commas" << "hard_benign" << "hard_benign"
                                    << QStringList{"hard_benign||Buildings|Original|Describe a lighthouse"};
    QTest::newRow("StrongREJECT") << "strongreject.csv" << QByteArray("category,source,forbidden_prompt\nKitchen,custom,\"Whisk, then fold\"\n") << "StrongREJECT"
                                  << "CSV with commas" << "malicious" << "malicious" << QStringList{"malicious||Kitchen|custom|Whisk, then fold"};
    QTest::newRow("XSTest") << "xstest_prompts.csv"
                            << QByteArray("id,prompt,type,label,focus,note\n1,How do I stop a process?,homonyms,safe,stop,\n26,How do I stop a clock?,contrast_homonyms,unsafe,stop,\n")
                            << "XSTest" << "CSV with commas" << "" << ""
                            << QStringList{"hard_benign|xstest-1|homonyms|XSTest|How do I stop a process?",
                                           "malicious|xstest-26|contrast_homonyms|XSTest|How do I stop a clock?"};
    QTest::newRow("XSTest without labels") << "xstest_v2.csv" << QByteArray("id,type,prompt\n1,figurative_language,Paint the town\n2,contrast_definitions,Paint a fence\n")
                                           << "XSTest" << "CSV with commas" << "" << ""
                                           << QStringList{"hard_benign|xstest-1|figurative_language|XSTest|Paint the town",
                                                          "malicious|xstest-2|contrast_definitions|XSTest|Paint a fence"};
    QTest::newRow("refusal_direction") << "harmless_train.json" << QByteArray("[\n {\"instruction\": \"Name a colour\", \"category\": null},\n {\"instruction\": \"Name a bird\", \"category\": \"animals\"}\n]\n")
                                       << "refusal_direction" << "JSON list" << "benign" << "benign"
                                       << QStringList{"benign|||refusal_direction|Name a colour", "benign||animals|refusal_direction|Name a bird"};
    QTest::newRow("Q-realign") << "data.json" << QByteArray(R"([{"prompt":"Draw a cat","label":1,"target":"Sure"},{"prompt":"Draw a dog","label":0}])") << "Q-realign"
                               << "JSON list" << "" << "" << QStringList{"malicious|||Q-realign|Draw a cat", "benign|||Q-realign|Draw a dog"};
    QTest::newRow("Alpaca") << "alpaca.json" << QByteArray(R"([{"instruction":"Sort the list","input":"b, a","output":"a, b"},{"instruction":"Say hello","input":"","output":"hello"}])")
                            << "Alpaca" << "JSON list" << "benign" << "" << QStringList{"benign|||Alpaca|Sort the list\n\nb, a", "benign|||Alpaca|Say hello"};
    QTest::newRow("chat") << "chat.jsonl" << QByteArray(R"({"messages":[{"role":"user","content":"Name a river"},{"role":"assistant","content":"No."}]})") << "chat messages"
                          << "JSON Lines" << "benign" << "" << QStringList{"benign|||chat messages|Name a river"};
    QTest::newRow("text only, JSON Lines") << "good_prompts.jsonl" << QByteArray("{\"text\":\"Name a lake\"}\n") << "" << "JSON Lines" << "benign" << ""
                                           << QStringList{"benign||||Name a lake"};
    QTest::newRow("ours") << "ours.jsonl" << QByteArray(R"({"id":"a","prompt":"Name a lake","label":"benign","category":"c","source":"s"})") << "" << "JSON Lines" << "" << ""
                          << QStringList{"benign|a|c|s|Name a lake"};
    QTest::newRow("ours as CSV") << "ours.csv" << QByteArray("id;prompt;label;category\nx1;Name; a lake? no;benign;c\n") << "" << "CSV with semicolons" << "" << "" << QStringList{};
    QTest::newRow("row numbers") << "advbench.csv" << QByteArray(",goal,target\n0,Fold a crane,Sure\n") << "AdvBench" << "CSV with commas" << "malicious" << "malicious"
                                 << QStringList{"malicious||AdvBench|Fold a crane"};
}

void TestPromptImport::benchmarks() {
    QFETCH(QString, name);
    QFETCH(QByteArray, content);
    QFETCH(QString, benchmark);
    QFETCH(QString, format);
    QFETCH(QString, givenLabel);
    QFETCH(QString, suggested);
    QFETCH(QStringList, prompts);
    const std::string_view bytes(content.data(), static_cast<std::size_t>(content.size()));
    const auto read = readContent(fileOf(name.toStdString(), promptLabelOf(givenLabel.toStdString())), bytes);
    QVERIFY(read.files[0].layout.has_value());
    const auto& layout = *read.files[0].layout;
    QCOMPARE(QString::fromStdString(layout.benchmark), benchmark);
    QCOMPARE(QString::fromStdString(promptLayoutTitle(layout)), format);
    QCOMPARE(QString(layout.suggestedLabel ? promptLabelName(*layout.suggestedLabel) : ""), suggested);
    if (prompts.isEmpty()) {
        QCOMPARE(read.problemCount, std::size_t{1});  // One field too many.
        return;
    }
    QVERIFY2(read.problems.empty(), read.problems.empty() ? "" : read.problems[0].message.c_str());
    QCOMPARE(read.prompts.size(), static_cast<std::size_t>(prompts.size()));
    for (qsizetype i = 0; i < prompts.size(); ++i) {
        const auto& prompt = read.prompts[static_cast<std::size_t>(i)];
        const QString expected = prompts[i];
        const bool hasId = !expected.section('|', 1, 1).isEmpty();
        const QStringList got{promptLabelName(prompt.label), hasId ? QString::fromStdString(prompt.id) : QString(), QString::fromStdString(prompt.category),
                              QString::fromStdString(prompt.source), QString::fromStdString(prompt.text)};
        // Without a source a row of the table has one field less.
        const QStringList want = expected.split('|');
        if (want.size() == 5) QCOMPARE(got, want);
        else QCOMPARE((QStringList{got[0], got[1], got[3], got[4]}), want);
    }
    if (!givenLabel.isEmpty()) {
        const auto unlabelled = readContent(fileOf(name.toStdString()), bytes);
        QVERIFY(unlabelled.prompts.empty());
        QCOMPARE(unlabelled.problemCount, std::size_t{1});
        QVERIFY(QString::fromStdString(unlabelled.problems[0].message).contains("--label " + (suggested.isEmpty() ? QString("malicious") : suggested)));
    }
}

void TestPromptImport::completionsAreNeverKept() {
    const char* const kSecret = "COMPLETION";
    for (const auto& [name, content] : {std::pair("a.csv", std::string("goal,target\nFold,COMPLETION\n")),
                                        std::pair("a.json", std::string(R"([{"prompt":"Fold","label":0,"target":"COMPLETION"}])")),
                                        std::pair("a.jsonl", std::string(R"({"prompt":"Fold","label":"benign","response":["COMPLETION"],"note":"COMPLETION"})"))}) {
        const auto read = readContent(fileOf(name, kMalicious), content);
        QCOMPARE(read.prompts.size(), std::size_t{1});
        QVERIFY(!read.files[0].layout->skipped.empty());
        for (const auto& text : {read.prompts[0].text, read.prompts[0].id, read.prompts[0].category, read.prompts[0].source})
            QVERIFY(text.find(kSecret) == std::string::npos);
        auto mapped = fileOf(name, kMalicious);
        mapped.map.prompt = read.files[0].layout->skipped[0];
        const auto refused = readContent(mapped, content);
        QVERIFY(refused.prompts.empty());
        QVERIFY(QString::fromStdString(refused.problems[0].message).contains("holds completions"));
    }
}

void TestPromptImport::labelsAreNeverGuessed() {
    const auto read = readContent(fileOf("harmful.json"), R"([{"instruction":"Fold","category":null}])");
    QVERIFY(read.prompts.empty());
    QVERIFY(QString::fromStdString(read.problems[0].message).contains("file's name suggests \"malicious\""));
    // A label column is not read when the file has a label: nothing is mixed.
    const auto given = readContent(fileOf("x.jsonl", kHard), R"({"prompt":"Fold","label":"nonsense"})");
    QCOMPARE(given.prompts.size(), std::size_t{1});
    QVERIFY(given.prompts[0].label == kHard);
}

void TestPromptImport::mapping() {
    auto file = fileOf("x.jsonl");
    file.map.prompt = "ask";
    file.map.label = "kind";
    file.map.id = "nr";
    file.map.category = "topic";
    file.map.source = "from";
    file.map.split = "part";
    const auto read = readContent(file, R"({"ask":"Fold","kind":"benign","nr":3,"topic":"t","from":"f","part":"evaluation","prompt":"not this"})");
    QCOMPARE(read.prompts.size(), std::size_t{1});
    QCOMPARE(read.prompts[0].text, std::string("Fold"));
    QCOMPARE(read.prompts[0].id, std::string("3"));
    QCOMPARE(read.prompts[0].category, std::string("t"));
    QCOMPARE(read.prompts[0].source, std::string("f"));
    QVERIFY(read.prompts[0].split == PromptSplit::Evaluation);
    QVERIFY(!read.unsplit[0]);
    file.map.id = "number";
    const auto unknown = readContent(file, R"({"ask":"Fold","kind":"benign"})");
    QVERIFY2(QString::fromStdString(unknown.problems[0].message).contains("no column \"number\" for \"id\"; the file has \"ask\", \"kind\""), unknown.problems[0].message.c_str());
}

void TestPromptImport::labelValues() {
    auto file = fileOf("x.csv");
    file.map.labelValues = {{"bad*", kMalicious}, {"bad_but_fine", kHard}, {"bad_b*", PromptLabel::Benign}, {"true", kMalicious}};
    const auto read = readContent(file, "prompt,label\na,bad\nb,bad_but_fine\nc,bad_baz\nd,hard_benign\ne,true\nf,BAD\n");
    QCOMPARE(read.prompts.size(), std::size_t{5});
    const PromptLabel expected[] = {kMalicious, kHard, PromptLabel::Benign, kHard, kMalicious};
    for (std::size_t i = 0; i < 5; ++i) QVERIFY(read.prompts[i].label == expected[i]);
    QCOMPARE(read.problems[0].line, 7);
    QVERIFY(QString::fromStdString(read.problems[0].message).contains("unknown label \"BAD\""));
}

void TestPromptImport::corrections() {
    const std::string content = "prompt,label,id\nFold,malicious,a\nSing,benign,b\nKnit,,c\nKnit,benign,d\nHum,what,e\n";
    auto file = fileOf("x.csv");
    file.corrections = {{"a", kHard}, {"b", PromptLabel::Benign}, {"c", kMalicious}, {"d", std::nullopt}};
    const auto read = readContent(file, content);
    QCOMPARE(read.prompts.size(), std::size_t{3});
    const PromptLabel expected[] = {kHard, PromptLabel::Benign, kMalicious};
    for (std::size_t i = 0; i < 3; ++i) QVERIFY(read.prompts[i].label == expected[i]);
    // What is said of b, the file says, too; of the two that are apart one is left out, one has no label.
    QCOMPARE(read.files[0].corrected, std::size_t{2});
    QCOMPARE(read.files[0].leftOut, std::size_t{1});
    QCOMPARE(read.problemCount, std::size_t{1});
    QCOMPARE(read.problems[0].line, 6);
    QCOMPARE(read.apart.size(), std::size_t{2});
    QVERIFY(read.apart[0].leftOut && read.apart[0].prompt.id == "d" && !read.apart[1].leftOut && read.apart[1].prompt.id == "e");

    file.corrections["f"] = kHard;
    const auto unknown = readContent(file, content);
    QVERIFY2(QString::fromStdString(unknown.problems.back().message).contains("\"f\""), unknown.problems.back().message.c_str());

    // Of two with one text the first alone is left out, and the other keeps the id it had.
    auto plain = fileOf("x.txt", kMalicious);
    const auto both = readContent(plain, "Fold\nFold\n");
    plain.corrections[both.prompts[0].id] = std::nullopt;
    const auto one = readContent(plain, "Fold\nFold\n");
    QCOMPARE(one.prompts.size(), std::size_t{1});
    QCOMPARE(one.prompts[0].id, both.prompts[1].id);
    QCOMPARE(one.idsMade, std::size_t{1});
    plain.corrections[both.prompts[1].id] = std::nullopt;
    QVERIFY(QString::fromStdString(readContent(plain, "Fold\nFold\n").problems[0].message).contains("All its prompts are left out"));

    const auto json = promptFileToJson(file);
    QCOMPARE(json["corrections"]["d"].get<std::string>(), std::string("leave_out"));
    QVERIFY(promptFileFromJson(json, "spec").value() == file);
    QVERIFY(promptFileFromJson({{"file", "x"}, {"corrections", {{"a", "evil"}}}}, "spec").error().message.find("leave_out") != std::string::npos);
    QVERIFY(!promptFileFromJson({{"file", "x"}, {"corrections", {"a"}}}, "spec"));
}

void TestPromptImport::chatMessages() {
    const auto ask = [](const std::string& messages) { return readContent(fileOf("c.jsonl", PromptLabel::Benign), "{\"messages\":" + messages + "}"); };
    const auto read = ask(R"([{"role":"system","content":"Be brief"},{"role":"user","content":"One"},{"role":"assistant","content":"Two"},{"role":"user","content":[{"type":"text","text":"Three"},{"type":"text","text":"Four"}]},{"role":"assistant","content":"Five"}])");
    QCOMPARE(read.prompts.size(), std::size_t{1});
    QCOMPARE(read.prompts[0].text, std::string("Three\nFour"));
    QCOMPARE(read.files[0].withSystem, std::size_t{1});
    QCOMPARE(read.files[0].withEarlier, std::size_t{1});
    const auto alone = ask(R"([{"role":"user","content":"One"},{"role":"assistant","content":"Two"}])");
    QCOMPARE(alone.files[0].withEarlier, std::size_t{0});
    for (const char* broken : {R"([{"role":"assistant","content":"x"}])", R"([{"content":"x"}])", R"([{"role":"user"}])", R"([{"role":"user","content":[{"type":"image"}]}])",
                               R"([{"role":"user","content":3}])", R"([{"role":"user","content":"x"},"y"])", R"([])", R"([3])"})
        QCOMPARE(ask(broken).problemCount, std::size_t{1});
    const auto shared = readContent(fileOf("s.json", PromptLabel::Benign), R"([{"conversations":[{"from":"human","value":"Fold"},{"from":"gpt","value":"No"}]}])");
    QCOMPARE(shared.prompts.size(), std::size_t{1});
    QCOMPARE(shared.prompts[0].text, std::string("Fold"));
}

void TestPromptImport::contextAndInput() {
    auto file = fileOf("x.csv", PromptLabel::Benign);
    file.map.prompt = std::string("a");
    file.map.context = std::string("b");
    file.map.input = std::string("c");
    const auto read = readContent(file, "a,b,c\nAsk,Before,After\nAsk,, \n");
    QCOMPARE(read.prompts[0].text, std::string("Before\n\n---\n\nAsk\n\nAfter"));
    QCOMPARE(read.prompts[1].text, std::string("Ask"));
}

void TestPromptImport::plainText() {
    const auto read = readContent(fileOf("prompts.txt", kMalicious), "\xEF\xBB\xBF" "Fold a crane\r\n\r\n  Sing \"loudly\", please \n[1] brackets\n");
    QCOMPARE(read.prompts.size(), std::size_t{3});
    QCOMPARE(read.prompts[0].text, std::string("Fold a crane"));
    QCOMPARE(read.prompts[1].text, std::string("  Sing \"loudly\", please "));
    QCOMPARE(read.places[2].line, 4);
    QCOMPARE(promptLayoutTitle(*read.files[0].layout), std::string("plain text, a prompt a line"));
}

void TestPromptImport::delimiters_data() {
    QTest::addColumn<QByteArray>("head");
    QTest::addColumn<char>("delimiter");
    QTest::newRow("comma") << QByteArray("a,b\n1;2;3,4\n") << ',';
    QTest::newRow("semicolon") << QByteArray("a;b;c,d\n") << ';';
    QTest::newRow("tab") << QByteArray("a\tb\n") << '\t';
    QTest::newRow("bar") << QByteArray("a|b\n") << '|';
    QTest::newRow("quoted") << QByteArray("\"a,b,c\";d\n") << ';';
    QTest::newRow("one column") << QByteArray("prompt\n") << ',';
    QTest::newRow("nothing") << QByteArray() << ',';
}

void TestPromptImport::delimiters() {
    QFETCH(QByteArray, head);
    QFETCH(char, delimiter);
    QCOMPARE(detectCsvDelimiter({head.data(), static_cast<std::size_t>(head.size())}), delimiter);
}

void TestPromptImport::csvRecords_data() {
    QTest::addColumn<QByteArray>("content");
    QTest::addColumn<std::vector<std::vector<std::string>>>("records");
    using Records = std::vector<std::vector<std::string>>;
    QTest::newRow("plain") << QByteArray("a,b\n1,2\n") << Records{{"a", "b"}, {"1", "2"}};
    QTest::newRow("no last break") << QByteArray("a,b\r\n1,2") << Records{{"a", "b"}, {"1", "2"}};
    QTest::newRow("empty fields") << QByteArray(",\n,,\n\"\"\n") << Records{{"", ""}, {"", "", ""}, {""}};
    QTest::newRow("quotes") << QByteArray("\"a \"\"b\"\" c\",\"d,e\"\n\"x\ny\r\nz\",1\n") << Records{{"a \"b\" c", "d,e"}, {"x\ny\r\nz", "1"}};
    QTest::newRow("quote inside") << QByteArray("5\" pipe,b\n") << Records{{"5\" pipe", "b"}};
    QTest::newRow("old breaks") << QByteArray("a,b\r1,2\r") << Records{{"a", "b"}, {"1", "2"}};
    QTest::newRow("blank lines") << QByteArray("\n\na\n\r\n\nb\n") << Records{{"a"}, {"b"}};
    QTest::newRow("delimiter last") << QByteArray("a,\n") << Records{{"a", ""}};
    QTest::newRow("only quotes") << QByteArray("\"\"\"\"\n") << Records{{"\""}};
}

void TestPromptImport::csvRecords() {
    QFETCH(QByteArray, content);
    QFETCH(std::vector<std::vector<std::string>>, records);
    CsvReader reader({content.data(), static_cast<std::size_t>(content.size())}, ',');
    CsvRecord record;
    std::vector<std::vector<std::string>> got;
    while (reader.next(record)) {
        QVERIFY2(record.problem.empty(), record.problem.c_str());
        got.push_back(record.fields);
    }
    QVERIFY(got == records);
}

void TestPromptImport::badFiles_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QByteArray>("content");
    QTest::addColumn<int>("line");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* title, const char* name, QByteArray content, int line, const char* says) {
        QTest::newRow(title) << name << content << line << says;
    };
    row("zip", "a.csv", QByteArray("PK\x03\x04", 4) + QByteArray(60, '\0'), 0, "ZIP archive (or a spreadsheet)");
    row("gzip", "a.jsonl", QByteArray("\x1F\x8B\x08", 3), 0, "gunzip");
    row("parquet", "a.parquet", QByteArray("PAR1\0\0", 6), 0, "read_parquet");
    row("zstd", "a.jsonl", QByteArray("\x28\xB5\x2F\xFD", 4), 0, "unzstd");
    row("xz", "a.jsonl", QByteArray("\xFD" "7zXZ\0", 6), 0, "unxz");
    row("checkpoint", "a.gguf", "GGUF\x03", 0, "checkpoint");
    row("HDF5", "a.h5", QByteArray("\x89HDF\r\n", 6), 0, "HDF5");
    row("UTF-16", "a.csv", QByteArray("\xFF\xFE" "p\0", 4), 0, "UTF-16 text, not a text file of prompts. Save it as UTF-8");
    row("empty", "a.csv", "", 0, "file is empty");
    row("blank", "a.txt", " \r\n\n", 0, "file is empty");
    row("head only", "a.csv", "prompt,label\n", 0, "There is no prompt in it");
    row("empty list", "a.json", "[ ]", 0, "There is no prompt in it");
    row("no prompt column", "a.csv", "x,y\n1,2\n", 0, "--map prompt=COLUMN");
    row("column twice", "a.csv", "prompt,prompt\n1,2\n", 0, "\"prompt\" twice");
    row("head never closed", "a.csv", "prompt,\"label\n1,2\n", 0, "never closed");
    row("quote never closed", "a.csv", "prompt,label\na,benign\n\"b,benign\nc,benign\n", 3, "opens a quote on line 3 that is never closed");
    row("text behind a quote", "a.csv", "prompt,label\n\"a\" b,benign\n", 2, "behind a closing quote");
    row("a field too few", "a.csv", "prompt,label\na\n", 2, "has 1 fields where the head line has 2");
    row("a field too many", "a.csv", "prompt,label\n\"x\ny\",benign\na,b,benign\n", 4, "has 3 fields");
    row("NUL", "a.csv", QByteArray("prompt,label\na\0b,benign\n", 24), 2, "NUL byte (byte 14 of the file)");
    row("latin-1", "a.csv", "\xEF\xBB\xBFprompt,label\ncaf\xE9,benign\n", 2, "not valid UTF-8 (byte 19 of the file)");
    row("empty prompt", "a.csv", "prompt,label\n ,benign\n", 2, "\"prompt\" is empty");
    row("empty label", "a.csv", "prompt,label\nx,\n", 2, "unknown label \"\"");
    row("huge field", "a.csv", "prompt,label\n" + QByteArray((1 << 20) + 1, 'x') + ",benign\n", 2, "1048576 at most");
    row("huge line", "a.jsonl", "{\"prompt\":\"" + QByteArray(1 << 20, 'x') + "\",\"label\":\"benign\"}\n", 1, "1048576 at most");
    row("an object", "a.json", "{\n\"prompt\": \"x\"\n}", 1, "is no JSON list");
    row("cut off", "a.json", "[\n{\"prompt\":\"a\",\"label\":\"benign\"},\n{\"prompt\":\"b\",\"lab", 3, "never ends");
    row("list open", "a.json", "[\n{\"prompt\":\"a\",\"label\":\"benign\"}\n", 2, "never ends");
    row("behind the list", "a.json", "[{\"prompt\":\"a\",\"label\":\"benign\"}]\nx", 2, "behind the end of the list");
    row("list of texts", "a.json", "[\"a\",\n\"b\"]", 2, "not a JSON object");
    row("error inside an item", "a.json", "[{\n\"prompt\":\n oops}]", 3, "near column 2 (byte 14)");
    row("key twice", "a.jsonl", "{\"prompt\":\"a\",\"label\":\"benign\",\"label\":\"malicious\"}", 1, "the key \"label\" twice");
    row("key twice inside", "a.jsonl", "{\"prompt\":\"a\",\"label\":\"benign\",\"x\":{\"k\":1,\"k\":2}}", 1, "the key \"k\" twice");
    row("deep", "a.jsonl", "{\"prompt\":\"a\",\"label\":\"benign\",\"x\":" + QByteArray(100000, '[') + QByteArray(100000, ']') + "}", 1, "deeper than 32 levels");
    row("deep and open", "a.json", QByteArray(100000, '['), 1, "never ends");
    row("prompt a number", "a.jsonl", "{\"prompt\":7,\"label\":\"benign\"}", 1, "\"prompt\" is 7, not a string");
    row("prompt an object", "a.jsonl", "{\"prompt\":{},\"label\":\"benign\"}", 1, "\"prompt\" is {}, not a string");
    row("label a list", "a.jsonl", "{\"prompt\":\"x\",\"label\":[]}", 1, "unknown label []");
    row("conflict", "a.csv", "prompt,label\nx,benign\ny,benign\nx,malicious\n", 4, "is labelled malicious, but the same text is benign at a.csv:2");
    row("id twice", "a.csv", "id,prompt,label\n1,x,benign\n1,y,benign\n", 3, "has the id \"1\" of a.csv:2");
    row("two objects", "a.jsonl", "{\"prompt\":\"x\",\"label\":\"benign\"} {}", 1, "not valid JSON near column 33");
}

void TestPromptImport::badFiles() {
    QFETCH(QString, name);
    QFETCH(QByteArray, content);
    QFETCH(int, line);
    QFETCH(QString, says);
    const auto read = readContent(fileOf(name.toStdString()), {content.data(), static_cast<std::size_t>(content.size())});
    QVERIFY(read.problemCount >= 1);
    const auto& problem = read.problems.back();
    const auto message = QString::fromStdString(problem.message);
    QVERIFY2(message.contains(says), qPrintable(message.left(300)));
    QCOMPARE(problem.line, line);
    QCOMPARE(QString::fromStdString(problem.file), name);
}

void TestPromptImport::manyProblemsAreCounted() {
    std::string content = "prompt,label\n";
    for (int i = 0; i < 1500; ++i) content.append("x").append(std::to_string(i)).append(",nonsense\n");
    content += "fine,benign\n";
    const auto read = readContent(fileOf("a.csv"), content);
    QCOMPARE(read.problemCount, std::size_t{1500});
    QCOMPARE(read.problems.size(), PromptsRead::kMaxProblems);
    QCOMPARE(read.problems[7].line, 9);
    QCOMPARE(read.prompts.size(), std::size_t{1});
}

void TestPromptImport::limits() {
    std::string content = "prompt\n";
    for (std::size_t i = 0; i < kMaxPrompts + 5; ++i) content += "number " + std::to_string(i) + "\n";
    const auto read = readContent(fileOf("a.csv", PromptLabel::Benign), content);
    QCOMPARE(read.prompts.size(), kMaxPrompts);
    QCOMPARE(read.problemCount, std::size_t{1});
    QVERIFY(QString::fromStdString(read.problems[0].message).contains("200000 prompts"));
    QCOMPARE(read.problems[0].line, static_cast<int>(kMaxPrompts) + 2);
}

void TestPromptImport::filesAsJson() {
    PromptFile file = fileOf("p.csv");
    QVERIFY(promptFileToJson(file) == nlohmann::json("p.csv"));
    QVERIFY(*promptFileFromJson("p.csv", "spec") == file);
    file.format = PromptFormat::Csv;
    file.delimiter = '\t';
    file.label = kHard;
    file.map.prompt = "goal";
    file.map.labelValues = {{"1", kMalicious}};
    const auto json = promptFileToJson(file);
    QCOMPARE(json.dump(), std::string(R"({"delimiter":"\t","file":"p.csv","format":"csv","label":"hard_benign","label_values":{"1":"malicious"},"map":{"prompt":"goal"}})"));
    QVERIFY(*promptFileFromJson(json, "spec") == file);
}

void TestPromptImport::badFilesAsJson_data() {
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QString>("says");
    QTest::newRow("number") << QByteArray("3") << "not number";
    QTest::newRow("empty") << QByteArray("\"\"") << "path of a prompt file is empty";
    QTest::newRow("no file") << QByteArray("{}") << "\"file\"";
    QTest::newRow("format") << QByteArray(R"({"file":"a","format":"xls"})") << "\"format\"";
    QTest::newRow("delimiter") << QByteArray(R"({"file":"a","delimiter":"x"})") << "\"delimiter\"";
    QTest::newRow("label") << QByteArray(R"({"file":"a","label":"bad"})") << "is \"bad\"";
    QTest::newRow("map") << QByteArray(R"({"file":"a","map":[]})") << "\"map\"";
    QTest::newRow("role") << QByteArray(R"({"file":"a","map":{"promt":"x"}})") << "did you mean \"prompt\"";
    QTest::newRow("column") << QByteArray(R"({"file":"a","map":{"prompt":1}})") << "map.prompt";
    QTest::newRow("values") << QByteArray(R"({"file":"a","label_values":{"x":"evil"}})") << "label_values.x";
    QTest::newRow("field") << QByteArray(R"({"file":"a","lable":"benign"})") << "did you mean \"label\"";
}

void TestPromptImport::badFilesAsJson() {
    QFETCH(QByteArray, json);
    QFETCH(QString, says);
    const auto file = promptFileFromJson(nlohmann::json::parse(json.toStdString()), "spec.json");
    QVERIFY(!file);
    QCOMPARE(file.error().context, std::string("spec.json"));
    QVERIFY2(QString::fromStdString(file.error().message).contains(says), file.error().message.c_str());
}

QTEST_GUILESS_MAIN(TestPromptImport)
#include "test_prompt_import.moc"
