// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QtTest>
#include <fstream>
#include <set>

#include "core/evaluate/judge.h"
#include "core/finetune/chat_file.h"
#include "core/finetune/finetune_spec.h"
#include "core/finetune/training_data.h"
#include "tests/support/tiny_model.h"

using namespace safequant;
using nlohmann::json;

namespace {

json smallSpec() { return {{"checkpoint", "model"}, {"data", {{{"file", "chats.jsonl"}}}}}; }

}  // namespace

class TestFinetuneData : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    std::shared_ptr<const Checkpoint> m_model;
    ChatFormat m_format;

    std::string path(const char* name) const { return m_folder.filePath(name).toStdString(); }

    std::string written(const char* name, const std::string& text) const {
        std::ofstream(path(name)) << text;
        return path(name);
    }

    /// Ids of a text with special tokens parsed.
    std::vector<std::int32_t> ids(const std::string& text) const { return m_format.tokenizer->encode(text, SpecialTokens::Parse); }

    /// The learned ids of a sample as text, in runs.
    std::vector<std::string> learnedTexts(const TrainingSample& sample) const {
        std::vector<std::string> runs;
        std::vector<std::int32_t> run;
        for (std::size_t i = 0; i <= sample.targets.size(); ++i) {
            if (i < sample.targets.size() && sample.targets[i] >= 0) {
                run.push_back(sample.targets[i]);
            } else if (!run.empty()) {
                runs.push_back(m_format.tokenizer->decode(run, false));
                run.clear();
            }
        }
        return runs;
    }

private slots:
    void initTestCase() {
        // Of this seed's weights the greedy answers are letters, not white space.
        safequant::testing::TinyModelOptions options;
        options.seed = 3;
        safequant::testing::writeTinyModel(path("model"), options);
        safequant::testing::writeTinyPrompts(path("prompts.jsonl"), 12);
        auto opened = openCheckpoint(path("model"));
        QVERIFY(opened.has_value());
        m_model = *opened;
        auto format = ChatFormat::create(m_model->tokenizerSource());
        QVERIFY(format.has_value());
        m_format = *format;
    }

    void learnsAnswersAlone() {
        const TrainingChat chat{{{"user", "Hello"}, {"assistant", " Hi there.\n"}}, false, "x:1"};
        const auto sample = encodeChat(m_format, m_model->config(), chat);
        QVERIFY(sample.has_value());
        QCOMPARE(learnedTexts(*sample), std::vector<std::string>{"Hi there.<|im_end|>"});
        auto whole = ids("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi there.<|im_end|>");
        whole.pop_back();
        QCOMPARE(sample->tokens, whole);
        for (std::size_t i = 0; i + 1 < sample->tokens.size(); ++i)
            QVERIFY(sample->targets[i] < 0 || sample->targets[i] == sample->tokens[i + 1]);
        QCOMPARE(sample->learned(), std::size_t{10});
    }

    void learnsEveryAnswer() {
        const TrainingChat chat{{{"system", "Be brief."}, {"user", "One?"}, {"assistant", "1"}, {"user", "Two?"}, {"assistant", "2"},
                                 {"user", "Three?"}}, false, {}};
        const auto sample = encodeChat(m_format, m_model->config(), chat);
        QVERIFY(sample.has_value());
        QCOMPARE(learnedTexts(*sample), (std::vector<std::string>{"1<|im_end|>", "2<|im_end|>"}));
    }

    void learnsNoEndOfWhatWasCutOff() {
        const TrainingChat chat{{{"user", "Count"}, {"assistant", "one two"}}, true, {}};
        const auto sample = encodeChat(m_format, m_model->config(), chat);
        QVERIFY(sample.has_value());
        QCOMPARE(learnedTexts(*sample), std::vector<std::string>{"one two"});
    }

    /// What looks like an end token in an answer is text, and so learned to its real end.
    void keepsLookAlikesAsText() {
        const TrainingChat chat{{{"user", "How do chats end?"}, {"assistant", "With <|im_end|> here."}}, false, {}};
        const auto sample = encodeChat(m_format, m_model->config(), chat);
        QVERIFY(sample.has_value());
        QCOMPARE(learnedTexts(*sample), std::vector<std::string>{"With <|im_end|> here.<|im_end|>"});
        QCOMPARE(std::count(sample->targets.begin(), sample->targets.end(), m_format.tokenizer->idOf("<|im_end|>")), std::ptrdiff_t{1});
    }

    void learnsWithoutATemplate() {
        ChatFormat bare = m_format;
        bare.chatTemplate = nullptr;
        const auto sample = encodeChat(bare, m_model->config(), {{{"user", "Q"}, {"assistant", "A"}}, false, {}});
        QVERIFY(sample.has_value());
        QCOMPARE(learnedTexts(*sample), std::vector<std::string>{"\n\nA<|im_end|>"});
    }

    void refusesWhatCannotBeLearned() {
        const auto error = [&](std::vector<ChatMessage> messages) {
            const auto sample = encodeChat(m_format, m_model->config(), {std::move(messages), false, "file:3"});
            return sample ? std::string() : sample.error().describe();
        };
        QVERIFY(error({{"user", "Q"}}).find("no turn of the assistant") != std::string::npos);
        QVERIFY(error({{"user", "Q"}, {"assistant", " \n"}}).starts_with("file:3: An answer of the assistant is empty"));
        ChatFormat rewriting = m_format;
        rewriting.chatTemplate = *ChatTemplate::parse("{% if add_generation_prompt %}ask {% endif %}{% for m in messages %}{{ m.content }}{% endfor %}");
        const auto changed = encodeChat(rewriting, m_model->config(), {{{"user", "Q"}, {"assistant", "A"}}, false, {}});
        QVERIFY(!changed && changed.error().message.find("in another way") != std::string::npos);
    }

    void readsRowsByPatterns() {
        ChatFile file;
        file.path = written("rows.jsonl",
                            R"({"question": "Which?", "choices": ["red", "blue"], "answer": 1, "n": 3})"
                            "\n\n"
                            R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}], "unfinished": true})"
                            "\n");
        file.system = "Pick {n}.";
        file.prompt = "{question} One of {choices}.";
        file.answer = "{choices[answer]}";
        const auto chats = readChatFile(file);
        QVERIFY2(chats.has_value(), chats ? "" : chats.error().describe().c_str());
        QCOMPARE(chats->size(), std::size_t{2});
        const auto& first = chats->front().messages;
        QCOMPARE(first.size(), std::size_t{3});
        QCOMPARE(first[0].content, std::string("Pick 3."));
        QCOMPARE(first[1].content, std::string("Which? One of red, blue."));
        QCOMPARE(first[2].content, std::string("blue"));
        QVERIFY(chats->back().unfinished);
        // What a folder keeps reads back as it was.
        ChatFile kept;
        kept.path = written("kept.jsonl", chatToJson(chats->front()).dump() + "\n" + chatToJson(chats->back()).dump() + "\n");
        const auto again = readChatFile(kept);
        QVERIFY(again.has_value());
        QCOMPARE(chatToJson(again->back())["messages"], chatToJson(chats->back())["messages"]);
        QVERIFY(again->back().unfinished && !again->front().unfinished);
    }

    void refusesBrokenRows_data() {
        QTest::addColumn<QString>("row");
        QTest::addColumn<QString>("message");
        QTest::newRow("no object") << "[1]" << "no JSON object";
        QTest::newRow("misspelt") << R"({"prompt": "a", "answr": "b"})" << "no field \"answer\"; did you mean \"answr\"?";
        QTest::newRow("another type") << R"({"prompt": "a", "answer": {}})" << "\"answer\" must be a text";
        QTest::newRow("messages") << R"({"messages": [{"role": "user"}]})" << "\"messages\" must be a list";
        QTest::newRow("cut") << R"({"prompt": "a", "answer": "b", "unfinished": 1})" << "true or false";
        QTest::newRow("empty file") << "" << "no conversations";
    }
    void refusesBrokenRows() {
        QFETCH(QString, row);
        QFETCH(QString, message);
        ChatFile file;
        file.path = written("broken.jsonl", row.toStdString() + "\n");
        const auto chats = readChatFile(file);
        QVERIFY(!chats && chats.error().kind == ErrorKind::BadInput);
        QVERIFY2(chats.error().message.find(message.toStdString()) != std::string::npos, chats.error().message.c_str());
    }

    void gathersSources() {
        AnsweredPrompts given;
        given.files = {{.path = path("prompts.jsonl"), .format = {}, .delimiter = 0, .label = {}, .map = {}, .corrections = {}}};
        given.labels = {PromptLabel::Malicious};
        given.answers = {"No.", "Never."};
        AnsweredPrompts own = given;
        own.labels = {PromptLabel::Benign, PromptLabel::HardBenign};
        own.answers.clear();
        own.maxNewTokens = 6;
        own.opening = "Well: ";
        FinetuneSpec spec;
        spec.data = {{{}, given, 5}, {{}, own, 0}};
        const auto chats = gatherTrainingChats(spec, m_model, m_format);
        QVERIFY2(chats.has_value(), chats ? "" : chats.error().describe().c_str());
        QVERIFY(chats->size() > 5 && chats->size() <= 5 + 12 + 3);
        std::set<std::string> answers;
        for (std::size_t i = 0; i < chats->size(); ++i) {
            const auto& messages = (*chats)[i].messages;
            QCOMPARE(messages.size(), std::size_t{2});
            const bool malicious = messages[0].content.starts_with("FORBIDDEN");
            QCOMPARE(malicious, i < 5);
            if (malicious) answers.insert(messages[1].content);
            if (!malicious) QVERIFY(messages[1].content.starts_with("Well: ") && (*chats)[i].unfinished);
        }
        for (const std::string& answer : answers) QVERIFY(answer == "No." || answer == "Never.");

        // The same again, another choice by another seed, and nothing that is excluded.
        const auto again = gatherTrainingChats(spec, m_model, m_format);
        QVERIFY(again.has_value() && again->size() == chats->size());
        for (std::size_t i = 0; i < chats->size(); ++i) QCOMPARE(chatToJson((*again)[i]), chatToJson((*chats)[i]));
        spec.data.pop_back();
        spec.seed = 1;
        const auto other = gatherTrainingChats(spec, m_model, m_format);
        QVERIFY(other.has_value());
        const auto texts = [](const std::vector<TrainingChat>& list) {
            std::vector<std::string> all;
            for (std::size_t i = 0; i < 5; ++i) all.push_back(chatToJson(list[i]).dump());
            return all;
        };
        QVERIFY(texts(*other) != texts(*chats));
        const std::string excluded = other->front().origin;
        spec.data[0].prompts.exclude = {excluded};
        spec.data[0].count = 0;
        const auto fewer = gatherTrainingChats(spec, m_model, m_format);
        QVERIFY(fewer.has_value());
        QCOMPARE(fewer->size(), std::size_t{11});
        for (const TrainingChat& chat : *fewer) QVERIFY(chat.origin != excluded);
    }

    void specsGoThroughJson() {
        const json written = {
            {"name", "n"}, {"checkpoint", "/m"}, {"adapters", {"/a"}}, {"system_prompt", "s"}, {"seed", 4},
            {"data",
             {{{"file", "/f"}, {"map", {{"prompt", "q"}, {"answer", "{c[a]}"}}}, {"count", 3}},
              {{"prompts", {"builtin:default"}}, {"labels", {"hard_benign"}}, {"splits", {"evaluation"}}, {"exclude", {"x"}},
               {"answers", {{"max_new_tokens", 9}, {"drop_refusals", false}, {"opening", "o"}, {"words", 2}}}},
              {{"prompts", {"builtin:default"}}, {"answers", {"No."}}}}},
            {"lora", {{"rank", 4}, {"alpha", 2.0}, {"targets", {"down_proj", "q_proj"}}}},
            {"training", {{"steps", 7}, {"batch", 2}, {"accumulate", 3}, {"schedule", "cosine"}, {"clip_norm", 0.0}}},
            {"graph_memory_gib", 0.0}, {"adapter_type", "F32"}};
        const auto spec = finetuneSpecFromJson(written, {});
        QVERIFY2(spec.has_value(), spec ? "" : spec.error().describe().c_str());
        const auto again = finetuneSpecFromJson(finetuneSpecToJson(*spec), {});
        QVERIFY2(again.has_value(), again ? "" : again.error().describe().c_str());
        QCOMPARE(finetuneSpecToJson(*again), finetuneSpecToJson(*spec));
        QCOMPARE(spec->lora.targets, (std::vector{LinearRole::Query, LinearRole::Down}));
        QCOMPARE(spec->data[1].prompts.words, 2);
        QCOMPARE(spec->data[2].prompts.answers, std::vector<std::string>{"No."});
        QVERIFY(spec->training.schedule == RateSchedule::Cosine);
    }

    void refusesBrokenSpecs_data() {
        QTest::addColumn<QString>("patch");
        QTest::addColumn<QString>("message");
        const auto row = [](const char* patch, const char* message) { QTest::newRow(patch) << patch << message; };
        row(R"({"sed": 1})", "sed is not a field of a fine-tuning spec; did you mean \"seed\"?");
        row(R"({"training": {"learning_rat": 1}})", "training.learning_rat is not a field of a fine-tuning spec; did you mean \"learning_rate\"?");
        row(R"({"training": {"schedule": "step"}})", "training.schedule is \"step\"");
        row(R"({"training": {"learning_rate": 0}})", "training.learning_rate must be a number above 0");
        row(R"({"lora": {"targets": ["q_prj"]}})", "lora.targets[0] is \"q_prj\", which is unknown; did you mean \"q_proj\"?");
        row(R"({"lora": {"targets": []}})", "lora.targets is empty");
        row(R"({"lora": {"targets": ["q_proj", "q_proj"]}})", "twice");
        row(R"({"lora": {"rank": 0}})", "lora.rank");
        row(R"({"data": []})", "data must be a list");
        row(R"({"data": [{}]})", "data[0].file is missing");
        row(R"({"data": [{"file": "a", "prompts": ["b"]}]})", "data[0].prompts stands beside file");
        row(R"({"data": [{"prompts": ["b"], "labels": ["malicous"]}]})", "did you mean \"malicious\"?");
        row(R"({"data": [{"prompts": ["b"], "answers": {"word": 3}}]})", "data[0].answers.word is not a field");
        row(R"({"adapter_type": "F16"})", "adapter_type is \"F16\"");
        row(R"({"format": "safequant-run-spec"})", "a fine-tuning spec has \"safequant-finetune-spec\"");
        row(R"({"format_version": 2})", "reads version 1");
    }
    void refusesBrokenSpecs() {
        QFETCH(QString, patch);
        QFETCH(QString, message);
        json spec = smallSpec();
        spec.merge_patch(json::parse(patch.toStdString()));
        const auto read = finetuneSpecFromJson(spec, "spec.json");
        QVERIFY(!read);
        QVERIFY2(read.error().describe().find(message.toStdString()) != std::string::npos, read.error().describe().c_str());
        QVERIFY(finetuneSpecFromJson(smallSpec(), {}).has_value());
    }

    void anchorsPathsBesideTheSpec() {
        const auto spec = readFinetuneSpec(written("spec.json", smallSpec().dump()));
        QVERIFY(spec.has_value());
        QCOMPARE(spec->checkpoint, path("model"));
        QCOMPARE(spec->data[0].file.path, path("chats.jsonl"));
    }
};

QTEST_GUILESS_MAIN(TestFinetuneData)
#include "test_finetune_data.moc"
