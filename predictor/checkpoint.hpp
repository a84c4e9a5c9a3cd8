#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "predictor/help.hpp"

namespace naslat {

/// A meta-trained predictor with what one must know to trust it.
struct Checkpoint {
  std::string predictor = "help", space;
  std::string version;  ///< of naslat that wrote it
  std::string
      training;  ///< JSON object: hyper-parameters, devices, seed, fingerprint of the tables, best episode, validation
  HelpParameters parameters;
};

/// The parts it was trained with: all of HELP's, and as many inner steps as it says.
[[nodiscard]] HelpDesign design_of(const Checkpoint& checkpoint);

/// The devices it learned from and was chosen by; none where it does not say.
[[nodiscard]] std::vector<std::string> source_devices(const Checkpoint& checkpoint);

/// File format: the line "naslat-checkpoint 1", a line of JSON (predictor, space, version, training, matrices by group,
/// name and shape), a line "crc32 xxxxxxxx" over all the rest, then the matrices' float32 values, little-endian,
/// row-major.
[[nodiscard]] std::string serialize(const Checkpoint& checkpoint);
/// @throws DataError "subject: what is wrong, got and wanted"
[[nodiscard]] Checkpoint parse_checkpoint(std::string_view bytes, const std::string& subject);

/// Our own format, or HELP's released PyTorch checkpoint where the name ends in .pt. @throws DataError
[[nodiscard]] Checkpoint read_checkpoint(const std::filesystem::path& path);

/// The checkpoint inside this binary. @throws DataError where the space has none
[[nodiscard]] const Checkpoint& built_in_checkpoint(std::string_view space);

/// That of the file, or where it is empty the one inside this binary. @throws DataError
[[nodiscard]] Checkpoint load_checkpoint(std::string_view space, const std::filesystem::path& path);

}  // namespace naslat
