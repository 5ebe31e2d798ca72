// Loaded into every program of a plug-in's sandbox before its own code (LD_PRELOAD): the process
// cannot be read, traced or reached through /proc by the others of its user.
//
// A grader's process holds the nonce of its call and the descriptor of its verdict; what the model
// wrote and the grader starts is another process of the same user, which could take both from
// /proc/PPID. The kernel forgets the setting at exec, hence in each program anew. It needs nothing
// but the program's own C library, of whatever make.

extern "C" {
int prctl(int option, ...);

__attribute__((constructor)) static void close_to_others() {
  constexpr int kSetDumpable = 4;  // PR_SET_DUMPABLE
  prctl(kSetDumpable, 0L, 0L, 0L, 0L);
}
}
