// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/activations/array_group.h"

#include <algorithm>
#include <limits>
#include <new>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string_view>

#include "core/activations/hdf5_handle.h"
#include "core/base/files.h"
#include "safequant_version.h"

namespace safequant {
namespace {

constexpr const char* kFormat = "safequant-arrays";
constexpr const char* kFormatVersion = "1";
constexpr const char* kEncodingType = "encoding-type";
constexpr const char* kEncodingVersion = "encoding-version";
constexpr std::size_t kChunkValues = std::size_t{1} << 18;
constexpr std::size_t kMaxRank = 8;
constexpr unsigned kDeflateLevel = 2;
constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxValues = std::size_t{1} << 40;

/// Thrown inside this file only.
struct Failure {
    Error error;
};

[[noreturn]] void stop(ErrorKind kind, const std::string& message, const std::string& where) {
    throw Failure{Error{kind, message, where}};
}

/// Runs `work` with the library locked and quiet, and turns what it throws into an Error.
template <typename Result, typename Work>
Expected<Result> guarded(const std::string& path, Work work) {
    const Hdf5Session session;
    try {
        return work();
    } catch (Failure& failure) {
        return fail(std::move(failure.error));
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "There is not enough memory for the arrays of this file.", path);
    }
}

class Writer {
public:
    explicit Writer(const std::string& path) : m_path(path) {}

    void write(const ArrayFile& content) {
        // Version 1.10 of the format keeps a checksum in every piece of metadata.
        Hdf5Handle access(check(H5Pcreate(H5P_FILE_ACCESS), "file"), H5Pclose);
        check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_V110, H5F_LIBVER_V110), "file");
        check(H5Pset_file_locking(access.id(), false, true), "file");
        Hdf5Handle creation(check(H5Pcreate(H5P_FILE_CREATE), "file"), H5Pclose);
        check(H5Pset_obj_track_times(creation.id(), false), "file");
        m_file = Hdf5Handle(check(H5Fcreate(m_path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), "file"), H5Fclose);
        Hdf5Handle root(check(H5Gopen2(m_file.id(), "/", H5P_DEFAULT), "/"), H5Gclose);
        encode(root.id(), "dict", "0.1.0");
        auto attributes = content.attributes;
        attributes["format"] = kFormat;
        attributes["format_version"] = kFormatVersion;
        attributes["writer"] = "SafeQuant Workbench " SAFEQUANT_VERSION;
        for (const auto& [name, value] : attributes) writeAttribute(root.id(), name, value);
        for (const std::string& name : groupNames(content)) writeGroup(name);
        for (const auto& [name, array] : content.arrays) writeArray(name, array);
        for (const auto& [name, text] : content.texts) writeText(name, text);
        root.close();
        if (!m_file.close()) broken("file");
    }

    /// Every group a name lies in, parents first.
    static std::set<std::string> groupNames(const ArrayFile& content) {
        std::set<std::string> groups;
        const auto add = [&groups](const std::string& name) {
            for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
                groups.insert(name.substr(0, slash));
        };
        for (const auto& [name, array] : content.arrays) add(name);
        for (const auto& [name, text] : content.texts) add(name);
        return groups;
    }

private:
    [[noreturn]] void broken(const std::string& what) const {
        stop(ErrorKind::Io, "Writing \"" + what + "\" failed: " + Hdf5Session::reason() + ". Is the disk full?", m_path);
    }
    template <typename T>
    T check(T result, const std::string& what) const {
        if (result < 0) broken(what);
        return result;
    }

    /// Fixed length with its terminating zero, so that empty texts have a size too.
    Hdf5Handle stringType(std::size_t length) const {
        Hdf5Handle type(check(H5Tcopy(H5T_C_S1), "string type"), H5Tclose);
        check(H5Tset_size(type.id(), length + 1), "string type");
        check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "string type");
        return type;
    }

    void writeAttribute(hid_t object, const std::string& name, const std::string& value) const {
        const Hdf5Handle type = stringType(value.size());
        const Hdf5Handle space(check(H5Screate(H5S_SCALAR), name), H5Sclose);
        const Hdf5Handle attribute(check(H5Acreate2(object, name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), name),
                                   H5Aclose);
        check(H5Awrite(attribute.id(), type.id(), value.c_str()), name);
    }

    void encode(hid_t object, const char* type, const char* version) const {
        writeAttribute(object, kEncodingType, type);
        writeAttribute(object, kEncodingVersion, version);
    }

    void writeGroup(const std::string& name) const {
        const Hdf5Handle creation(check(H5Pcreate(H5P_GROUP_CREATE), name), H5Pclose);
        check(H5Pset_obj_track_times(creation.id(), false), name);
        const Hdf5Handle group(check(H5Gcreate2(m_file.id(), name.c_str(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), name), H5Gclose);
        encode(group.id(), "dict", "0.1.0");
    }

    Hdf5Handle datasetCreation(const std::string& name) const {
        Hdf5Handle creation(check(H5Pcreate(H5P_DATASET_CREATE), name), H5Pclose);
        check(H5Pset_obj_track_times(creation.id(), false), name);
        return creation;
    }

    void writeArray(const std::string& name, const ArrayFile::Array& array) const {
        const std::vector<hsize_t> shape(array.shape.begin(), array.shape.end());
        const bool chunked = !shape.empty() && !array.values.empty();
        const Hdf5Handle creation = datasetCreation(name);
        if (chunked) {
            const auto chunk = chunkShape(shape);
            check(H5Pset_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data()), name);
            check(H5Pset_shuffle(creation.id()), name);
            check(H5Pset_deflate(creation.id(), kDeflateLevel), name);
            check(H5Pset_fletcher32(creation.id()), name);
        } else {
            // Inside the object header, whose checksum then covers the value; scalars and empty arrays cannot be chunked.
            check(H5Pset_layout(creation.id(), H5D_COMPACT), name);
        }
        const Hdf5Handle space(check(shape.empty() ? H5Screate(H5S_SCALAR)
                                                   : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), name),
                               H5Sclose);
        const Hdf5Handle dataset(check(H5Dcreate2(m_file.id(), name.c_str(), H5T_IEEE_F32LE, space.id(), H5P_DEFAULT, creation.id(),
                                                  H5P_DEFAULT), name), H5Dclose);
        encode(dataset.id(), shape.empty() ? "numeric-scalar" : "array", "0.2.0");
        if (!array.values.empty())
            check(H5Dwrite(dataset.id(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()), name);
    }

    /// Whole rows, about a megabyte a chunk.
    static std::vector<hsize_t> chunkShape(const std::vector<hsize_t>& shape) {
        std::vector<hsize_t> chunk(shape.size());
        hsize_t room = kChunkValues;
        for (std::size_t d = shape.size(); d-- > 0;) {
            chunk[d] = std::clamp<hsize_t>(shape[d], 1, std::max<hsize_t>(1, room));
            room /= chunk[d];
        }
        return chunk;
    }

    void writeText(const std::string& name, const std::string& text) const {
        const Hdf5Handle type = stringType(text.size());
        const hsize_t one = 1;
        const Hdf5Handle creation = datasetCreation(name);
        check(H5Pset_chunk(creation.id(), 1, &one), name);
        check(H5Pset_deflate(creation.id(), kDeflateLevel), name);
        check(H5Pset_fletcher32(creation.id()), name);
        const Hdf5Handle space(check(H5Screate_simple(1, &one, nullptr), name), H5Sclose);
        const Hdf5Handle dataset(
            check(H5Dcreate2(m_file.id(), name.c_str(), type.id(), space.id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), name), H5Dclose);
        encode(dataset.id(), "string-array", "0.2.0");
        check(H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.c_str()), name);
    }

    std::string m_path;
    Hdf5Handle m_file;
};

class Reader {
public:
    explicit Reader(const std::string& path) : m_path(path) {
        Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
        H5Pset_file_locking(access.id(), false, true);
        m_file = Hdf5Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose);
        if (!m_file) damaged("file");
        m_root = Hdf5Handle(H5Gopen2(m_file.id(), "/", H5P_DEFAULT), H5Gclose);
        if (!m_root) damaged("/");
        m_attributes = readAttributes();
        const auto format = m_attributes.find("format");
        if (format == m_attributes.end() || format->second != kFormat)
            stop(ErrorKind::BadInput, "Is an HDF5 file, but not one of arrays written by this program.", m_path);
        const auto version = m_attributes.find("format_version");
        if (version == m_attributes.end() || version->second != kFormatVersion)
            stop(ErrorKind::BadInput, "Has format version " + (version != m_attributes.end() ? version->second : "(none)") +
                                          "; this program reads version " + kFormatVersion + ".", m_path);
    }

    ArrayFile readAll() const {
        ArrayFile content;
        content.attributes = m_attributes;
        readGroup(m_root.id(), "", content, 0);
        return content;
    }

    ArrayFile readUnder(const std::string& group) const {
        if (!present(group)) stop(ErrorKind::NotFound, "The file has no group \"" + group + "\".", m_path);
        const Hdf5Handle object(H5Oopen(m_root.id(), group.c_str(), H5P_DEFAULT), H5Oclose);
        if (!object) damaged(group);
        if (H5Iget_type(object.id()) != H5I_GROUP) stop(ErrorKind::NotFound, "\"" + group + "\" is not a group.", m_path);
        ArrayFile content;
        content.attributes = m_attributes;
        readGroup(object.id(), group + "/", content, 1);
        return content;
    }

    ArrayFile::Array readOne(const std::string& name) const {
        if (!present(name)) stop(ErrorKind::NotFound, "The file has no array \"" + name + "\".", m_path);
        const Hdf5Handle object(H5Oopen(m_root.id(), name.c_str(), H5P_DEFAULT), H5Oclose);
        if (!object) damaged(name);
        if (H5Iget_type(object.id()) != H5I_DATASET || !isFloat(object.id()))
            stop(ErrorKind::NotFound, "\"" + name + "\" is not an array.", m_path);
        return readArray(object.id(), name);
    }

private:
    [[noreturn]] void damaged(const std::string& what) const {
        stop(ErrorKind::BadInput, "Reading \"" + what + "\" failed: " + Hdf5Session::reason() +
                                      ". The file is damaged or incomplete.", m_path);
    }

    /// Whether every part of the path exists.
    bool present(const std::string& name) const {
        for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
            if (H5Lexists(m_root.id(), name.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
        return !name.empty() && H5Lexists(m_root.id(), name.c_str(), H5P_DEFAULT) > 0;
    }

    /// A fixed-length string type's length without the terminating zero.
    std::size_t stringLength(hid_t type, const std::string& what) const {
        const std::size_t size = H5Tget_size(type);
        if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 || size < 1)
            stop(ErrorKind::BadInput, "\"" + what + "\" has a type that this format does not use.", m_path);
        return size - 1;
    }

    std::map<std::string, std::string> readAttributes() const {
        std::map<std::string, std::string> attributes;
        struct Names {
            std::vector<std::string> list;
        } names;
        const auto collect = [](hid_t, const char* name, const H5A_info_t*, void* into) -> herr_t {
            static_cast<Names*>(into)->list.emplace_back(name);
            return 0;
        };
        hsize_t position = 0;
        if (H5Aiterate2(m_root.id(), H5_INDEX_NAME, H5_ITER_INC, &position, collect, &names) < 0) damaged("attributes");
        for (const std::string& name : names.list) {
            if (name == kEncodingType || name == kEncodingVersion) continue;
            const Hdf5Handle attribute(H5Aopen(m_root.id(), name.c_str(), H5P_DEFAULT), H5Aclose);
            if (!attribute) damaged(name);
            const Hdf5Handle type(H5Aget_type(attribute.id()), H5Tclose);
            const Hdf5Handle space(H5Aget_space(attribute.id()), H5Sclose);
            if (!type || !space || H5Sget_simple_extent_npoints(space.id()) != 1) damaged(name);
            std::string value(stringLength(type.id(), name) + 1, '\0');
            if (H5Aread(attribute.id(), type.id(), value.data()) < 0) damaged(name);
            value.pop_back();
            attributes.emplace(name, std::move(value));
        }
        return attributes;
    }

    void readGroup(hid_t group, const std::string& prefix, ArrayFile& content, int depth) const {
        if (depth > kMaxDepth) stop(ErrorKind::BadInput, "Groups are nested too deeply at \"" + prefix + "\".", m_path);
        H5G_info_t info{};
        if (H5Gget_info(group, &info) < 0) damaged(prefix);
        for (hsize_t i = 0; i < info.nlinks; ++i) {
            const ssize_t length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT);
            if (length <= 0) damaged(prefix + "/" + std::to_string(i));
            std::string name(static_cast<std::size_t>(length) + 1, '\0');
            if (H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT) < 0) damaged(prefix);
            name.pop_back();
            const std::string full = prefix + name;
            H5L_info_t link{};
            if (H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT) < 0) damaged(full);
            if (link.type != H5L_TYPE_HARD) stop(ErrorKind::BadInput, "\"" + full + "\" is a link to somewhere else.", m_path);
            const Hdf5Handle object(H5Oopen(group, name.c_str(), H5P_DEFAULT), H5Oclose);
            if (!object) damaged(full);
            const H5I_type_t kind = H5Iget_type(object.id());
            if (kind == H5I_GROUP)
                readGroup(object.id(), full + "/", content, depth + 1);
            else if (kind != H5I_DATASET)
                stop(ErrorKind::BadInput, "\"" + full + "\" is neither a group nor an array.", m_path);
            else if (isFloat(object.id()))
                content.arrays.emplace(full, readArray(object.id(), full));
            else
                content.texts.emplace(full, readText(object.id(), full));
        }
    }

    static bool isFloat(hid_t dataset) {
        const Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
        return type && H5Tget_class(type.id()) == H5T_FLOAT;
    }

    ArrayFile::Array readArray(hid_t dataset, const std::string& name) const {
        const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
        if (!space) damaged(name);
        const int rank = H5Sget_simple_extent_ndims(space.id());
        if (rank < 0 || rank > static_cast<int>(kMaxRank)) damaged(name);
        std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
        if (rank > 0 && H5Sget_simple_extent_dims(space.id(), dims.data(), nullptr) < 0) damaged(name);
        ArrayFile::Array array;
        std::size_t count = 1;
        for (const hsize_t size : dims) {
            if (size != 0 && count > kMaxValues / size) stop(ErrorKind::BadInput, "Array \"" + name + "\" is absurdly large.", m_path);
            count *= size;
            array.shape.push_back(size);
        }
        array.values.resize(count);
        if (count > 0 && H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()) < 0) damaged(name);
        return array;
    }

    std::string readText(hid_t dataset, const std::string& name) const {
        const Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
        const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
        if (!type || !space || H5Sget_simple_extent_npoints(space.id()) != 1) damaged(name);
        std::string text(stringLength(type.id(), name) + 1, '\0');
        if (H5Dread(dataset, type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()) < 0) damaged(name);
        text.pop_back();
        return text;
    }

    std::string m_path;
    Hdf5Handle m_file;
    Hdf5Handle m_root;
    std::map<std::string, std::string> m_attributes;
};

void checkName(const std::string& name) {
    bool good = !name.empty() && name.find('\0') == std::string::npos;
    for (std::size_t begin = 0; good && begin <= name.size();) {
        const std::size_t end = std::min(name.find('/', begin), name.size());
        const std::string_view part = std::string_view(name).substr(begin, end - begin);
        good = !part.empty() && part != "." && part != "..";
        begin = end + 1;
    }
    if (!good) throw std::invalid_argument("[writeArrayFile] got the name \"" + name + "\", need parts joined by '/'");
}

void checkContent(const ArrayFile& content) {
    for (const auto& [name, array] : content.arrays) {
        checkName(name);
        const std::size_t count = std::accumulate(array.shape.begin(), array.shape.end(), std::size_t{1}, std::multiplies<>());
        if (count != array.values.size() || array.shape.size() > kMaxRank)
            throw std::invalid_argument("[writeArrayFile] got " + std::to_string(array.values.size()) + " values for \"" + name +
                                        "\", need the " + std::to_string(count) + " of its shape, of at most 8 dimensions");
        if (content.texts.contains(name)) throw std::invalid_argument("[writeArrayFile] got \"" + name + "\" as array and as text");
    }
    for (const auto& [name, text] : content.texts) checkName(name);
    for (const std::string& group : Writer::groupNames(content))
        if (content.arrays.contains(group) || content.texts.contains(group))
            throw std::invalid_argument("[writeArrayFile] got \"" + group + "\" as a value and as a group");
}

}  // namespace

Expected<void> writeArrayFile(const std::string& path, const ArrayFile& content) {
    checkContent(content);
    return writeFileAtomically(path, [&content](const std::string& beside) {
        return guarded<void>(beside, [&]() -> Expected<void> {
            Writer(beside).write(content);
            return {};
        });
    });
}

Expected<ArrayFile> readArrayFile(const std::string& path) {
    // Opening it ourselves first gives missing and unreadable files their own errors.
    if (auto file = MappedFile::open(path); !file) return fail(file.error());
    return guarded<ArrayFile>(path, [&]() -> Expected<ArrayFile> { return Reader(path).readAll(); });
}

Expected<ArrayFile> readArrayGroup(const std::string& path, const std::string& group) {
    if (auto file = MappedFile::open(path); !file) return fail(file.error());
    return guarded<ArrayFile>(path, [&]() -> Expected<ArrayFile> { return Reader(path).readUnder(group); });
}

Expected<ArrayFile::Array> readArray(const std::string& path, const std::string& name) {
    if (auto file = MappedFile::open(path); !file) return fail(file.error());
    return guarded<ArrayFile::Array>(path, [&]() -> Expected<ArrayFile::Array> { return Reader(path).readOne(name); });
}

}  // namespace safequant
