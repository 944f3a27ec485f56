// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/engine/protocol/hub_messages.h"

namespace safequant {

/// The right to write one file of the cache, shared with Hugging Face's programs (flock on a file of .locks). The kernel gives it back when
/// the process ends in whatever way.
class BlobLock {
public:
    /// Waits while another process has it; `waiting` is called once then. Errors: io, cancelled.
    static Expected<BlobLock> acquire(const std::string& path, const std::stop_token& stop, const std::function<void()>& waiting);
    BlobLock(BlobLock&& other) noexcept;
    BlobLock& operator=(BlobLock&&) = delete;
    ~BlobLock();

private:
    explicit BlobLock(int file) : m_file(file) {}

    int m_file = -1;
};

/// A file of the cache while it comes in, "HASH.incomplete" beside the place of "HASH". What was written stays when the object goes, and
/// the next one goes on from there.
class PartialBlob {
public:
    /// Reads what is there already, for its digest. Errors: io, cancelled.
    static Expected<PartialBlob> open(const std::string& path, const protocol::HubFile& file, const std::stop_token& stop);
    PartialBlob(PartialBlob&& other) noexcept;
    PartialBlob& operator=(PartialBlob&&) = delete;
    ~PartialBlob();

    std::uint64_t size() const { return m_size; }
    /// Errors: io (a full disk is named), mismatch when it would become longer than the file is, in which case it is removed.
    Expected<void> append(std::string_view bytes);
    /// Drops what came.
    Expected<void> restart();
    /// Compares the digest and gives the file its name. Errors: mismatch, in which case it is removed; io.
    Expected<void> publish(const std::string& place);

private:
    PartialBlob(int file, std::string path, const protocol::HubFile& wanted);
    tl::unexpected<Error> refuse(const std::string& why);

    int m_file = -1;
    std::string m_path;
    protocol::HubFile m_wanted;
    std::uint64_t m_size = 0;
    Digest m_digest;
};

}  // namespace safequant
