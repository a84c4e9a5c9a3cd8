#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "measure/latency_table.hpp"

namespace naslat {

/// Where published tables are looked for: $NASLAT_DATA, else ../shared/data.
[[nodiscard]] std::filesystem::path published_folder();
/// HELP's, looked for if no --data is given.
[[nodiscard]] inline std::filesystem::path published_tables() { return published_folder() / "help"; }

/// The tables of a space at several places, over one list of architectures: the first place's, then what others add.
/// A place is a latency dataset, a CSV table (`naslat import`), a folder of either, a clone of the HELP repository, or
/// the name of one of these in the folder of published tables; "SPACE:PLACE" is for that space only. Of a device's
/// latencies, the first place's count.
/// @throws DataError naming the place, if there is nothing of that space
[[nodiscard]] std::vector<LatencyTable> read_all_tables(const std::vector<std::string>& places,
                                                        const std::string& space);

}  // namespace naslat
