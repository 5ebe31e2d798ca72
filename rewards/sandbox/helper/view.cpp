#include "rewards/sandbox/helper/view.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "rewards/sandbox/helper/report.h"

namespace gradus::rewards::sandbox {
namespace {

struct Tree {
  int fd = -1;
  std::string target;
  bool is_folder = false;
};

// Cloned before anything is mounted, so that no mount of ours can hide a source.
Tree clone_tree(const Bind& bind) {
  Tree tree;
  tree.target = bind.target;
  tree.fd = ::open_tree(AT_FDCWD, bind.source.c_str(),
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (tree.fd < 0) fail_setup("open_tree " + bind.source);
  struct stat info {};
  if (::fstat(tree.fd, &info) != 0) fail_setup("stat " + bind.source);
  tree.is_folder = S_ISDIR(info.st_mode);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NOSUID;
  attributes.attr_set |= bind.is_device ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY;
  if (::mount_setattr(tree.fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) !=
      0) {
    fail_setup("mount_setattr " + bind.source);
  }
  return tree;
}

// The view is the current folder: "/usr/lib" is made as "usr/lib".
std::string inside(const std::string& path) {
  const size_t begin = path.find_first_not_of('/');
  return begin == std::string::npos ? "." : path.substr(begin);
}

void make_folders(const std::string& path) {
  for (size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (!part.empty() && ::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
      fail_setup("mkdir /" + part);
    }
  }
}

void make_file(const std::string& path, const std::string& content, uint32_t mode) {
  make_folders(path);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) fail_setup("create /" + path);
  for (size_t done = 0; done < content.size();) {
    const ssize_t count = ::write(fd, content.data() + done, content.size() - done);
    if (count < 0 && errno != EINTR) fail_setup("write /" + path);
    if (count > 0) done += static_cast<size_t>(count);
  }
  if (::fchmod(fd, mode) != 0) fail_setup("chmod /" + path);
  ::close(fd);
}

void attach(const Tree& tree) {
  const std::string place = inside(tree.target);
  make_folders(place);
  struct stat info {};
  if (::lstat(place.c_str(), &info) != 0) {
    if (tree.is_folder && ::mkdir(place.c_str(), 0755) != 0) fail_setup("mkdir /" + place);
    if (!tree.is_folder) make_file(place, "", 0444);
  }
  if (::move_mount(tree.fd, "", AT_FDCWD, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    fail_setup("move_mount /" + place);
  }
  ::close(tree.fd);
}

void mount_root() {
  const char* place = ::access("/tmp", F_OK) == 0 ? "/tmp" : "/";
  if (::mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=16m,nr_inodes=16k") !=
      0) {
    fail_setup("mount the root tmpfs");
  }
  if (::chdir(place) != 0) fail_setup("chdir into the root tmpfs");
}

void mount_scratch(const LaunchPlan& plan) {
  const std::string place = inside(plan.scratch);
  make_folders(place + "/");
  const std::string options = "mode=1777,nr_inodes=16k,size=" +
                              std::to_string(plan.scratch_bytes > 0 ? plan.scratch_bytes : 4096);
  if (::mount("tmpfs", place.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    fail_setup("mount the scratch tmpfs");
  }
}

// Where /proc of the machine is partly masked (some containers), the kernel refuses a new one: the
// program then has none, which Python and most programs do without.
void mount_proc() {
  make_folders("proc/");
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  for (const char* options : {"hidepid=2,subset=pid", "hidepid=2"}) {
    if (::mount("proc", "proc", "proc", flags, options) == 0) return;
  }
  report("warn no /proc can be mounted: memory and processes of a whole tree are not watched");
}

// Read-only mounts do not stop a pipe with a name from being written to.
void cover(const std::vector<std::string>& paths) {
  if (paths.empty()) return;
  const char* nothing = ".covered";
  make_file(nothing, "", 0000);
  for (const std::string& path : paths) {
    const int tree = ::open_tree(AT_FDCWD, nothing, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0) fail_setup("open_tree of nothing");
    const int result =
        ::move_mount(tree, "", AT_FDCWD, inside(path).c_str(), MOVE_MOUNT_F_EMPTY_PATH);
    // One that is gone by now needs no cover.
    if (result != 0 && errno != ENOENT) fail_setup("cover " + path);
    ::close(tree);
  }
}

void pivot() {
  if (::syscall(SYS_pivot_root, ".", ".") != 0) fail_setup("pivot_root");
  if (::umount2(".", MNT_DETACH) != 0) fail_setup("detach the old root");
  if (::chdir("/") != 0) fail_setup("chdir /");
}

}  // namespace

void build_view(const LaunchPlan& plan) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    fail_setup("make mounts private");
  }
  std::vector<Tree> trees;
  for (const Bind& bind : plan.binds) trees.push_back(clone_tree(bind));
  const mode_t old_mask = ::umask(022);
  mount_root();
  mount_scratch(plan);
  mount_proc();
  for (const Tree& tree : trees) attach(tree);
  for (const PlannedLink& link : plan.links) {
    make_folders(inside(link.path));
    if (::symlink(link.target.c_str(), inside(link.path).c_str()) != 0 && errno != EEXIST) {
      fail_setup("symlink " + link.path);
    }
  }
  cover(plan.covered);
  for (const PlannedFile& file : plan.files) make_file(inside(file.path), file.content, file.mode);
  ::umask(old_mask);
  pivot();
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(AT_FDCWD, "/", 0, &read_only, sizeof(read_only)) != 0) {
    fail_setup("make the root read-only");
  }
}

}  // namespace gradus::rewards::sandbox
