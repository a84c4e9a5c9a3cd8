#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "measure/environment.hpp"
#include "measure/measurement.hpp"

namespace naslat {

/// A latency dataset read from disk: JSON lines, append-only, one record per network (dataset_format.md).
/// A file cut off at any byte opens with every complete record.
struct Dataset {
  std::vector<Measurement> measurements;
  std::vector<Environment> environments;

  /// Median of all anchor readings of a device in a space: what corrected latencies are scaled back by. 1 where there
  /// are none.
  [[nodiscard]] double reference_anchor_s(const std::string& space, const std::string& device) const;
  /// Device names in order of first appearance.
  [[nodiscard]] std::vector<std::string> devices() const;
};

/// @throws DataError "path:line: subject: got and wanted" for a complete line that is not a record
[[nodiscard]] Dataset read_dataset(const std::filesystem::path& path);

/// Appends to a dataset file. A second writer of the same file, in any process, is refused.
class DatasetWriter {
 public:
  /// Opens or creates the file (and its folder) and cuts off an incomplete last line. @throws DataError
  explicit DatasetWriter(const std::filesystem::path& path);
  ~DatasetWriter();  ///< a file it made and never appended to is removed
  DatasetWriter(const DatasetWriter&) = delete;
  DatasetWriter& operator=(const DatasetWriter&) = delete;

  /// What the file held when it was opened, plus what was appended since.
  [[nodiscard]] const Dataset& dataset() const { return dataset_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  void append(const Environment& environment);  ///< once per key; later ones are ignored
  void append(const Measurement& measurement);

 private:
  void append_line(std::string line);
  void check_it_is_there() const;  ///< @throws DataError where another program took away the file or some of it

  std::filesystem::path path_;
  int file_ = -1;
  off_t size_ = 0;  ///< bytes after the last line written
  bool created_ = false, created_folder_ = false;
  double synced_s_ = 0;  ///< a record survives a killed process at once, a power cut after a few seconds
  Dataset dataset_;
};

}  // namespace naslat
