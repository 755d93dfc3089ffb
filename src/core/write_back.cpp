#include <dare/core/write_back.hpp>

#include <fcntl.h>
#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace dare {
namespace {

constexpr std::size_t k_most_runs = 256;  // the oldest is left to the fsync

// Signals are for the thread that looks at them: a new one inherits that all are blocked.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

void begin_write_back(int fd, std::uint64_t offset, std::uint64_t size) noexcept {
#ifdef SYNC_FILE_RANGE_WRITE
  if (size == 0) return;  // the kernel would take it for all from there on
  (void)::sync_file_range(fd, static_cast<off64_t>(offset), static_cast<off64_t>(size), SYNC_FILE_RANGE_WRITE);
#else
  (void)fd, (void)offset, (void)size;
#endif
}

// The request itself blocks where the disk's queue is full: that is why it has its own thread.
class WriteBack::Worker {
 public:
  Worker() {
    const SignalsBlocked blocked;
    thread_ = std::thread{[this] { run(); }};
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    {
      const std::lock_guard lock{mutex_};
      portions_.clear();
      ended_ = true;
    }
    join();
  }
  // All that was added has been asked for afterwards.
  void drain() {
    {
      const std::lock_guard lock{mutex_};
      ended_ = true;
    }
    join();
  }

  void add(int fd, std::uint64_t offset, std::uint64_t size) {
    {
      const std::lock_guard lock{mutex_};
      portions_.push_back({fd, offset, size});
    }
    changed_.notify_one();
  }

 private:
  struct Portion {
    int fd;
    std::uint64_t offset;
    std::uint64_t size;
  };

  void join() {
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  void run() {
    for (;;) {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return ended_ || !portions_.empty(); });
      if (portions_.empty()) return;
      const auto portion = portions_.front();
      portions_.pop_front();
      lock.unlock();
      begin_write_back(portion.fd, portion.offset, portion.size);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Portion> portions_;
  bool ended_ = false;
  std::thread thread_;
};

WriteBack::WriteBack() = default;
WriteBack::WriteBack(WriteBack&&) noexcept = default;
WriteBack& WriteBack::operator=(WriteBack&&) noexcept = default;
WriteBack::~WriteBack() = default;

void WriteBack::wrote(int fd, std::uint64_t offset, std::uint64_t size) {
  auto run = std::find_if(runs_.begin(), runs_.end(), [&](const Run& one) { return one.fd == fd && one.end == offset; });
  if (run == runs_.end()) {
    if (runs_.size() == k_most_runs) runs_.erase(runs_.begin());
    run = runs_.insert(runs_.end(), {fd, offset, offset});
  }
  run->end += size;
  if (run->end - run->begin < k_portion) return;
  if (!worker_) {
    try {
      worker_ = std::make_unique<Worker>();
    } catch (const std::system_error&) {  // no thread to be had: the bytes go to the disk at the end
      run->begin = run->end;
      return;
    }
  }
  worker_->add(fd, run->begin, run->end - run->begin);
  run->begin = run->end;
}

void WriteBack::ask_for_rest() {
  if (worker_) worker_->drain();
  worker_.reset();
  for (const auto& run : runs_) begin_write_back(run.fd, run.begin, run.end - run.begin);
  runs_.clear();
}

void WriteBack::end() {
  runs_.clear();
  worker_.reset();
}

}  // namespace dare
