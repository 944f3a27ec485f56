// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hub/hub_download.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/base/files.h"
#include "core/base/nearest_name.h"
#include "core/checkpoint/hub_cache.h"
#include "core/checkpoint/json_file.h"
#include "core/hub/download_meter.h"
#include "core/hub/hub_blob.h"
#include "core/hub/hub_errors.h"
#include "core/hub/hub_listing.h"
#include "core/hub/http_client.h"
#include "core/hub/url.h"

namespace safequant {
namespace {

namespace fs = std::filesystem;
using protocol::HubFile;
using protocol::HubPlan;

constexpr std::size_t kMostText = std::size_t{256} << 20;

/// Places of one repository's files in the cache.
struct CachePlaces {
    fs::path cache;
    std::string folder;

    CachePlaces(const std::string& where, const std::string& repository) : cache(where), folder(hubFolderName(repository)) {}
    fs::path blob(const HubFile& file) const { return cache / folder / "blobs" / file.hash; }
    fs::path partial(const HubFile& file) const { return cache / folder / "blobs" / (file.hash + ".incomplete"); }
    fs::path locks() const { return cache / ".locks" / folder; }
    fs::path lock(const HubFile& file) const { return locks() / (file.hash + ".lock"); }
    fs::path snapshot(const std::string& commit) const { return cache / folder / "snapshots" / commit; }
    fs::path reference(const std::string& revision) const { return cache / folder / "refs" / revision; }
};

bool hasSize(const fs::path& path, std::uint64_t bytes) {
    std::error_code code;
    return fs::is_regular_file(path, code) && fs::file_size(path, code) == bytes && !code;
}

bool isPresent(const CachePlaces& places, const std::string& commit, const HubFile& file) {
    return hasSize(places.blob(file), file.bytes) || hasSize(places.snapshot(commit) / file.name, file.bytes);
}

/// Of a file in the cache, whole or begun.
std::uint64_t presentBytes(const CachePlaces& places, const std::string& commit, const HubFile& file) {
    if (isPresent(places, commit, file)) return file.bytes;
    std::error_code code;
    const auto begun = fs::file_size(places.partial(file), code);
    return code || begun > file.bytes ? 0 : begun;
}

std::uint64_t freeBytes(fs::path folder) {
    std::error_code code;
    while (!fs::exists(folder, code) && folder.has_relative_path()) folder = folder.parent_path();
    const auto space = fs::space(folder, code);
    return code ? 0 : space.available;
}

tl::unexpected<Error> offlineError() {
    return fail(ErrorKind::Failed, "Nothing may be asked of the network, since HF_HUB_OFFLINE is set. Unset it to download.", "HF_HUB_OFFLINE");
}

std::string fileAddress(const HubSettings& settings, const std::string& repository, const std::string& commit, const std::string& file) {
    return settings.endpoint + '/' + repository + "/resolve/" + commit + '/' + escapedPath(file);
}

/// A whole answer in memory.
struct Text {
    HttpAnswer answer;
    std::string body;
};

Expected<Text> fetchText(HttpClient& client, const std::string& url, const std::stop_token& stop) {
    Text text;
    const auto answer = client.getPatiently(
        [&] {
            text.body.clear();
            HttpRequest request;
            request.url = url;
            request.stop = stop;
            request.begin = [](const HttpAnswer&, bool) -> Expected<void> { return {}; };
            request.receive = [&](std::string_view bytes) -> Expected<void> {
                if (text.body.size() + bytes.size() > kMostText)
                    return fail(ErrorKind::BadInput, "The answer is longer than any that the Hub gives.", url);
                text.body += bytes;
                return {};
            };
            return request;
        },
        [](const std::string&) {});
    if (!answer) return fail(answer.error());
    text.answer = *answer;
    return text;
}

/// "; did you mean "org/name"?" among the organisation's models, or a full stop.
std::string namesNearby(HttpClient& client, const HubName& name, const HubSettings& settings, const std::stop_token& stop) {
    const std::string author = name.repository.substr(0, name.repository.find('/'));
    const auto text = fetchText(client, settings.endpoint + "/api/models?limit=500&author=" + escapedSegment(author), stop);
    std::vector<std::string> known;
    if (text && text->answer.ok())
        if (const auto list = parseStrictJson(text->body, {}); list && list->is_array())
            for (const auto& model : *list)
                if (model.is_object() && model.contains("id") && model["id"].is_string()) known.push_back(model["id"].get<std::string>());
    return didYouMean(name.repository, known);
}

Expected<HubListing> readListing(HttpClient& client, const HubName& name, const HubSettings& settings, const std::stop_token& stop) {
    const std::string url = settings.endpoint + "/api/models/" + name.repository + "/revision/" + escapedSegment(name.revision) + "?blobs=true";
    const auto text = fetchText(client, url, stop);
    if (!text) return fail(text.error());
    if (!text->answer.ok()) {
        Error error = hubError(text->answer, name, {}, settings);
        if (error.kind == ErrorKind::NotFound && text->answer.errorCode != "RevisionNotFound")
            error = unknownModelError(name, settings, namesNearby(client, name, settings, stop));
        return fail(std::move(error));
    }
    if (text->answer.isPage() || text->body.find_first_not_of(" \t\r\n") == text->body.npos || text->body.starts_with('<'))
        return fail(pageError(text->answer, settings));
    return HubListing::parse(text->body, url);
}

/// One file of a plan into the cache.
class FileDownload {
public:
    FileDownload(HttpClient& client, const HubPlan& plan, const HubFile& file, const HubSettings& settings, DownloadMeter& meter,
                 const std::stop_token& stop)
        : m_client(client), m_plan(plan), m_file(file), m_settings(settings), m_meter(meter), m_stop(stop) {}

    Expected<void> run() {
        const CachePlaces places(m_settings.cache, m_plan.repository);
        m_meter.begin(m_file.name);
        if (isPresent(places, m_plan.commit, m_file)) return finished();
        const auto lock = BlobLock::acquire(places.lock(m_file).string(), m_stop,
                                            [this] { m_meter.tell("Another program downloads this file; waiting for it."); });
        if (!lock) return fail(lock.error());
        // Whoever had the lock may have fetched it.
        if (isPresent(places, m_plan.commit, m_file)) return finished();
        std::error_code code;
        m_meter.tell(fs::exists(places.partial(m_file), code) ? "Reading what came before." : "");
        auto partial = PartialBlob::open(places.partial(m_file).string(), m_file, m_stop);
        if (!partial) return fail(partial.error());
        m_meter.tell({});
        if (auto fetched = fetch(*partial); !fetched) return fetched;
        if (auto published = partial->publish(places.blob(m_file).string()); !published) return published;
        return finished();
    }

private:
    Expected<void> finished() {
        m_meter.tell({});
        m_meter.end(m_file.bytes);
        return {};
    }

    HttpRequest requestFor(PartialBlob& partial) {
        HttpRequest request;
        request.url = fileAddress(m_settings, m_plan.repository, m_plan.commit, m_file.name);
        request.from = partial.size();
        request.stop = m_stop;
        request.begin = [this, &partial](const HttpAnswer& answer, bool resumed) -> Expected<void> {
            if (answer.isPage()) return fail(pageError(answer, m_settings));
            return resumed || partial.size() == 0 ? Expected<void>() : partial.restart();
        };
        request.receive = [this, &partial](std::string_view bytes) {
            auto written = partial.append(bytes);
            m_meter.received(partial.size(), bytes.size());
            return written;
        };
        return request;
    }

    Expected<void> fetch(PartialBlob& partial) {
        m_meter.received(partial.size(), 0);
        bool anew = false;
        while (partial.size() < m_file.bytes) {
            const std::uint64_t before = partial.size();
            const auto answer = m_client.getPatiently([&] { return requestFor(partial); }, [this](const std::string& note) { m_meter.tell(note); });
            if (!answer) return fail(answer.error());
            // The server has no such part of it.
            if (answer->status == 416 && before > 0 && !anew) {
                anew = true;
                if (auto restarted = partial.restart(); !restarted) return restarted;
                continue;
            }
            if (!answer->ok())
                return fail(hubError(*answer, {m_plan.repository, m_plan.revision}, m_file.name, m_settings));
            if (partial.size() <= before)
                return fail(ErrorKind::Io, "The server sends less of \"" + m_file.name + "\" than the Hub lists. Download again later.", answer->url);
        }
        return {};
    }

    HttpClient& m_client;
    const HubPlan& m_plan;
    const HubFile& m_file;
    const HubSettings& m_settings;
    DownloadMeter& m_meter;
    const std::stop_token& m_stop;
};

Expected<void> makeFolder(const fs::path& folder) {
    std::error_code code;
    fs::create_directories(folder, code);
    if (code) return fail(ErrorKind::Io, "The folder cannot be made: " + code.message() + ".", folder.string());
    return {};
}

/// The snapshot's entry of one file: a link that stays right when the cache is moved, or the file itself where the disk has no links.
Expected<void> link(const CachePlaces& places, const std::string& commit, const HubFile& file) {
    const fs::path place = places.snapshot(commit) / file.name;
    if (hasSize(place, file.bytes)) return {};
    if (auto made = makeFolder(place.parent_path()); !made) return made;
    std::error_code code;
    fs::remove(place, code);
    fs::create_symlink(places.blob(file).lexically_relative(place.parent_path()), place, code);
    // Another process was quicker.
    if (code == std::errc::file_exists) code.clear();
    if (code == std::errc::operation_not_permitted || code == std::errc::operation_not_supported || code == std::errc::function_not_supported)
        fs::rename(places.blob(file), place, code);
    if (code) return fail(ErrorKind::Io, "The snapshot's file cannot be made: " + code.message() + ".", place.string());
    return {};
}

/// One program at a time: two that end together would take each other's half-written reference away.
Expected<void> publishSnapshot(const CachePlaces& places, const HubPlan& plan, const std::stop_token& stop) {
    const auto lock = BlobLock::acquire((places.locks() / "snapshots.lock").string(), stop, [] {});
    if (!lock) return fail(lock.error());
    for (const HubFile& file : plan.files)
        if (auto linked = link(places, plan.commit, file); !linked) return linked;
    if (plan.revision == plan.commit) return {};
    const fs::path reference = places.reference(plan.revision);
    if (auto made = makeFolder(reference.parent_path()); !made) return made;
    if (const auto known = readTextFile(reference.string()); known && *known == plan.commit) return {};
    return writeFileAtomically(reference.string(), plan.commit);
}

/// A plan comes from a client: nothing in it may lead out of the cache.
Expected<void> checkPlan(const HubPlan& plan) {
    const auto name = HubName::parseForm(plan.repository + '@' + plan.revision);
    const bool named = name && name->repository == plan.repository && isBlobHash(plan.commit);
    if (!named || plan.files.empty() || !std::all_of(plan.files.begin(), plan.files.end(), [](const HubFile& file) {
            return isRepositoryPath(file.name) && isBlobHash(file.hash);
        }))
        return fail(ErrorKind::BadInput, "This is no plan of a download with files to fetch.", plan.repository);
    return {};
}

}  // namespace

Expected<HubPlan> planHubDownload(const HubName& name, const std::string& gguf, const HubSettings& settings, const std::stop_token& stop) {
    if (settings.offline) return offlineError();
    HttpClient client(settings);
    const auto listing = readListing(client, name, settings, stop);
    if (!listing) return fail(listing.error());
    HubPlan plan;
    plan.repository = name.repository;
    plan.revision = name.revision;
    plan.commit = listing->commit;
    plan.host = settings.host();
    plan.page = hubPage(name.repository, settings);
    plan.license = listing->license;
    plan.gated = listing->gated;
    plan.hasToken = !settings.token.empty();
    plan.cache = settings.cache;
    plan.ggufs = ggufsOf(*listing);
    const auto names = neededFiles(*listing, gguf, [&](const HubFile& index) -> Expected<std::string> {
        auto text = fetchText(client, fileAddress(settings, name.repository, listing->commit, index.name), stop);
        if (!text) return fail(text.error());
        if (!text->answer.ok()) return fail(hubError(text->answer, name, index.name, settings));
        if (text->answer.isPage()) return fail(pageError(text->answer, settings));
        return std::move(text->body);
    });
    if (!names) {
        Error error = names.error();
        error.context = plan.page + (error.context.empty() ? "" : " (" + error.context + ")");
        return fail(std::move(error));
    }
    if (!names->empty() && names->front().ends_with(".gguf")) plan.file = names->front();
    const CachePlaces places(settings.cache, name.repository);
    for (const std::string& wanted : *names) {
        HubFile file = *listing->find(wanted);
        file.presentBytes = presentBytes(places, plan.commit, file);
        plan.bytes += file.bytes;
        plan.presentBytes += file.presentBytes;
        plan.files.push_back(std::move(file));
    }
    plan.availableBytes = freeBytes(settings.cache);
    return plan;
}

Expected<protocol::HubOutcome> downloadFromHub(const HubPlan& plan, const HubSettings& settings,
                                               const std::function<void(const protocol::HubProgress&)>& report, const std::stop_token& stop) {
    if (settings.offline) return offlineError();
    if (auto checked = checkPlan(plan); !checked) return fail(checked.error());
    const CachePlaces places(settings.cache, plan.repository);
    std::uint64_t missing = 0, total = 0;
    for (const HubFile& file : plan.files) {
        total += file.bytes;
        missing += file.bytes - presentBytes(places, plan.commit, file);
    }
    if (const auto available = freeBytes(settings.cache); missing > available)
        return fail(ErrorKind::Io, "The disk has " + std::to_string(available) + " bytes free, but the download needs " + std::to_string(missing) +
                                       ". Free space, or name a cache on another disk with HF_HUB_CACHE.", settings.cache);
    for (const fs::path& folder : {places.blob({}).parent_path(), places.locks()})
        if (auto made = makeFolder(folder); !made) return fail(made.error());
    HttpClient client(settings);
    DownloadMeter meter(total, report);
    for (const HubFile& file : plan.files)
        if (auto fetched = FileDownload(client, plan, file, settings, meter, stop).run(); !fetched) return fail(fetched.error());
    if (auto published = publishSnapshot(places, plan, stop); !published) return fail(published.error());
    meter.finish();
    const fs::path snapshot = places.snapshot(plan.commit);
    return protocol::HubOutcome{(plan.file.empty() ? snapshot : snapshot / plan.file).string(), meter.receivedBytes()};
}

}  // namespace safequant
