#pragma once

namespace naslat {

/// Makes the process's one team of OpenMP threads: each flushes denormals to zero and, if `pin`, binds itself to a
/// usable core of its own. Binding is read back. Executables must be built and run by the thread that called this.
/// @throws DataError if the process runs another number of threads already, if there are fewer usable cores than
/// threads to bind, or if the system refuses
void bind_threads(int threads, bool pin);

}  // namespace naslat
