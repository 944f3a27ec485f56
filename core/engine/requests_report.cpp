// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/base64.h"
#include "core/engine/protocol/report_messages.h"
#include "core/engine/request_fields.h"
#include "core/engine/requests.h"
#include "core/report/build_report.h"
#include "core/report/report_files.h"
#include "core/report/report_pdf.h"

namespace safequant {
namespace {

using nlohmann::json;

Expected<Report> askedReport(const json& params) {
    const auto folders = field<std::vector<std::string>>(params, "folders");
    const auto name = field<std::string>(params, "template");
    const auto texts = field<bool>(params, "show_text");
    if (!folders) return fail(folders.error());
    if (!name) return fail(name.error());
    if (!texts) return fail(texts.error());
    const auto reader = reportTemplateNamed(*name);
    if (!reader) return fail(reader.error());
    return folders->size() == 1 ? buildReport(folders->front(), {*reader, *texts}) : buildComparisonReport(*folders, {*reader, *texts});
}

}  // namespace

Expected<json> EngineRequests::previewReport(const json& params) {
    const auto report = askedReport(params);
    if (!report) return fail(report.error());
    const auto paper = reportPdf(*report);
    if (!paper) return fail(paper.error());
    return protocol::toJson(protocol::ReportPreview{toBase64(*paper)});
}

Expected<json> EngineRequests::writeReportRequest(const json& params) {
    const auto target = field<std::string>(params, "target");
    if (!target) return fail(target.error());
    const auto report = askedReport(params);
    if (!report) return fail(report.error());
    const auto written = writeReport(*report, *target);
    if (!written) return fail(written.error());
    return protocol::toJson(protocol::ReportFiles{*written});
}

Expected<json> EngineRequests::reportFilesRequest(const json& params) {
    const auto report = askedReport(params);
    if (!report) return fail(report.error());
    const auto files = reportFiles(*report);
    if (!files) return fail(files.error());
    protocol::ReportBundle bundle;
    for (const ReportFile& file : *files) bundle.files.push_back({file.name, file.title, toBase64(file.bytes)});
    return protocol::toJson(bundle);
}

}  // namespace safequant
