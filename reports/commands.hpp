#pragma once

#include "configs/command.hpp"

namespace naslat {

/// `naslat characterize`: measures this machine, fits the predictor, checks it and writes the report.
Action characterize_command(Command& command);
/// `naslat report DIR`: renders a report directory's report.json again.
Action report_command(Command& command);

}  // namespace naslat
