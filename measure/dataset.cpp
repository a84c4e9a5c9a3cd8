#include "measure/dataset.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "configs/errors.hpp"
#include "configs/files.hpp"
#include "configs/interrupt.hpp"
#include "measure/measurement_text.hpp"

namespace naslat {

namespace {

constexpr double kSyncInterval_s = 5;

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what) {
  throw DataError(fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)));
}

void add(Dataset& dataset, DatasetLine line) {
  if (auto* measurement = std::get_if<Measurement>(&line)) {
    dataset.measurements.push_back(std::move(*measurement));
  } else {
    dataset.environments.push_back(std::get<Environment>(std::move(line)));
  }
}

struct Parsed {
  Dataset dataset;
  std::size_t complete_bytes = 0;
  bool ends_in_line_break = true;
};

/// All complete lines. A last line without its line break counts if it is a whole record: no part of one is JSON.
Parsed parse(const std::string& text, const std::filesystem::path& path) {
  Parsed parsed;
  std::size_t line_number = 0;
  while (parsed.complete_bytes < text.size()) {
    if (interrupted()) throw Interrupted{};
    const std::size_t start = parsed.complete_bytes;
    const std::size_t end = text.find('\n', start);
    const std::string_view line = std::string_view(text).substr(start, end - start);
    const std::string subject = fmt::format("{}:{}", path.string(), ++line_number);
    if (end == std::string::npos) {
      try {
        add(parsed.dataset, parse_line(line, subject));
      } catch (const DataError&) {
        break;
      }
      parsed.complete_bytes = text.size();
      parsed.ends_in_line_break = false;
      break;
    }
    if (!line.empty()) add(parsed.dataset, parse_line(line, subject));
    parsed.complete_bytes = end + 1;
  }
  return parsed;
}

}  // namespace

double Dataset::reference_anchor_s(const std::string& space, const std::string& device) const {
  std::vector<double> anchors_s;
  for (const Measurement& m : measurements) {
    if (m.device == device && m.space == space) {
      anchors_s.insert(anchors_s.end(), m.anchor_s.begin(), m.anchor_s.end());
    }
  }
  return anchors_s.empty() ? 1 : median_of(std::move(anchors_s));
}

std::vector<std::string> Dataset::devices() const {
  std::vector<std::string> names;
  for (const Measurement& m : measurements) {
    if (std::find(names.begin(), names.end(), m.device) == names.end()) names.push_back(m.device);
  }
  return names;
}

Dataset read_dataset(const std::filesystem::path& path) { return parse(read_file(path), path).dataset; }

DatasetWriter::DatasetWriter(const std::filesystem::path& path) : path_(path) {
  std::error_code error;
  if (path.has_parent_path()) created_folder_ = std::filesystem::create_directories(path.parent_path(), error);
  if (error) throw DataError(fmt::format("{}: cannot be made: {}", path.parent_path().string(), error.message()));
  created_ = !std::filesystem::exists(path, error);
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::fifo ||
      (kind == std::filesystem::file_type::character && path != "/dev/null")) {
    throw DataError(fmt::format("{}: is no file, wanted one that records can be appended to", path.string()));
  }
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) fail(path, "cannot be opened for writing");
  try {
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) {
        throw DataError(fmt::format("{}: is being written by another process, wanted one writer", path.string()));
      }
      fail(path, "cannot be locked");
    }
    const std::string text = read_file(path);
    Parsed parsed = parse(text, path);
    if (parsed.complete_bytes < text.size() && ftruncate(file_, static_cast<off_t>(parsed.complete_bytes)) != 0) {
      fail(path, "its incomplete last line cannot be cut off");
    }
    dataset_ = std::move(parsed.dataset);
    if (!parsed.ends_in_line_break) append_line("");
  } catch (...) {
    close(file_);
    throw;
  }
}

DatasetWriter::~DatasetWriter() {
  const bool nothing = created_ && lseek(file_, 0, SEEK_END) == 0;
  if (std::error_code error; nothing) std::filesystem::remove(std::filesystem::weakly_canonical(path_, error), error);
  fdatasync(file_);
  close(file_);
  if (nothing && created_folder_) rmdir(path_.parent_path().c_str());
}

void DatasetWriter::append(const Environment& environment) {
  const auto same_key = [&](const Environment& known) { return known.key == environment.key; };
  if (std::any_of(dataset_.environments.begin(), dataset_.environments.end(), same_key)) return;
  append_line(to_line(environment));
  dataset_.environments.push_back(environment);
}

void DatasetWriter::append(const Measurement& measurement) {
  append_line(to_line(measurement));
  dataset_.measurements.push_back(measurement);
}

void DatasetWriter::check_it_is_there() const {
  struct stat ours = {}, there = {};
  if (fstat(file_, &ours) != 0) fail(path_, "cannot be written");
  if (stat(path_.c_str(), &there) != 0 || ours.st_dev != there.st_dev || ours.st_ino != there.st_ino) {
    throw DataError(fmt::format("{}: was removed or replaced while it was being written", path_.string()));
  }
  if (S_ISREG(ours.st_mode) && ours.st_size < size_) {
    throw DataError(fmt::format("{}: was cut to {} bytes while it was being written, wanted {}", path_.string(),
                                ours.st_size, size_));
  }
}

void DatasetWriter::append_line(std::string line) {
  check_it_is_there();
  line += '\n';
  const off_t before = lseek(file_, 0, SEEK_END);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = write(file_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int reason = errno;
      if (before >= 0 && ftruncate(file_, before) != 0) errno = reason;  // the reader cuts the rest off as well
      errno = reason;
      fail(path_, "cannot be written");
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  size_ = before + static_cast<off_t>(line.size());
  if (const double now_s = steady_clock()(); now_s - synced_s_ > kSyncInterval_s) {
    if (fdatasync(file_) != 0 && errno != EINVAL && errno != EINTR) fail(path_, "cannot be written");
    synced_s_ = now_s;
  }
}

}  // namespace naslat
