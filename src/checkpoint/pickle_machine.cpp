#include "checkpoint/pickle_machine.hpp"

#include "checkpoint/pickle_opcodes.hpp"
#include "core/printable.hpp"

#include <fmt/format.h>

#include <unordered_map>

namespace dare::checkpoint::pickle {
namespace {

constexpr std::uint64_t k_most_steps = std::uint64_t{1} << 24U;
constexpr auto k_save_state_dict = "no code of a pickle is run; save the model's state_dict() with torch.save, or as safetensors";
constexpr auto k_fetch_again = "fetch the file again";

// One run: the stack, its marks and the memo.
class Machine {
 public:
  Machine(Input& input, Vocabulary& vocabulary, Heap& heap) : input_{input}, vocabulary_{vocabulary}, heap_{heap} {
    none_ = heap_.add({Kind::none, 0, 0});
    no_ = heap_.add({Kind::boolean, 0, 0});
    yes_ = heap_.add({Kind::boolean, 0, 1});
  }

  Id run() {
    for (std::uint64_t step = 0; step < k_most_steps; ++step) {
      begin_ = input_.position();
      const auto code = static_cast<Op>(input_.number(1));
      if (step == 0 && code != Op::proto) damaged("does not begin with a protocol number");
      if (code == Op::stop) return finish();
      if (!scalar(code) && !text(code) && !container(code) && !memo(code) && !outside(code)) refuse_opcode(code);
    }
    damaged(fmt::format("more than {} opcodes", k_most_steps));
  }

 private:
  [[noreturn]] void damaged(const std::string& what) const { throw Refusal{fmt::format("byte {}: {}; {}", begin_, what, k_fetch_again)}; }
  [[noreturn]] void strange(const std::string& what) const {
    throw Refusal{fmt::format("byte {}: {}; {}", begin_, what, k_save_state_dict)};
  }
  // The vocabulary knows no position.
  template <class Work>
  auto placed(Work&& work) const {
    try {
      return work();
    } catch (const Refusal& refusal) { throw Refusal{fmt::format("byte {}: {}", begin_, refusal.what())}; }
  }
  [[noreturn]] void refuse_opcode(Op code) const {
    const auto name = opcode_name(code);
    if (name.empty()) damaged(fmt::format("opcode 0x{:02x} is unknown", static_cast<unsigned>(code)));
    strange(fmt::format("opcode {} is none that a state dict needs", name));
  }

  Id finish() const {
    if (stack_.size() != 1 || !marks_.empty()) damaged(fmt::format("STOP with {} values on the stack, 1 is expected", stack_.size()));
    return stack_.back();
  }

  bool push(Id id) {
    stack_.push_back(id);
    return true;
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Id pop() {
    if (stack_.size() == floor()) damaged("a value is missing on the stack");
    const auto id = stack_.back();
    stack_.pop_back();
    return id;
  }
  Id top() {
    const auto id = pop();
    stack_.push_back(id);
    return id;
  }
  std::vector<Id> pop_last(std::size_t n) {
    if (stack_.size() - floor() < n) damaged(fmt::format("{} values are missing on the stack", n - (stack_.size() - floor())));
    std::vector<Id> items(stack_.end() - static_cast<std::ptrdiff_t>(n), stack_.end());
    stack_.resize(stack_.size() - n);
    return items;
  }
  std::vector<Id> pop_to_mark() {
    if (marks_.empty()) damaged("a mark is missing on the stack");
    auto items = pop_last(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }

  bool integer(std::int64_t value) { return push(heap_.add({Kind::integer, 0, value})); }

  bool long_integer(std::uint64_t length) {
    const auto bytes = input_.take(length);
    if (length > 8) return push(heap_.add_text(Kind::long_integer, bytes));
    std::uint64_t value = length > 0 && (static_cast<unsigned char>(bytes.back()) & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = length; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
    return integer(static_cast<std::int64_t>(value));
  }

  bool scalar(Op code) {
    switch (code) {
      case Op::proto:
        return protocol(input_.number(1));
      case Op::frame:
        return input_.number(8) <= input_.left() || (damaged("a frame is longer than the file"), false);
      case Op::none:
        return push(none_);
      case Op::new_true:
        return push(yes_);
      case Op::new_false:
        return push(no_);
      case Op::bin_int:
        return integer(static_cast<std::int32_t>(input_.number(4)));
      case Op::bin_int1:
        return integer(static_cast<std::int64_t>(input_.number(1)));
      case Op::bin_int2:
        return integer(static_cast<std::int64_t>(input_.number(2)));
      case Op::long1:
        return long_integer(input_.number(1));
      case Op::bin_float:
        return input_.skip(8), push(heap_.add({Kind::real, 0, 0}));
      default:
        return false;
    }
  }

  bool protocol(std::uint64_t number) const {
    if (number < 2 || number > 5) damaged(fmt::format("protocol {}, 2 to 5 are known", number));
    return true;
  }

  bool text(Op code) {
    switch (code) {
      case Op::bin_unicode:
        return push_text(Kind::text, 4);
      case Op::short_bin_unicode:
        return push_text(Kind::text, 1);
      case Op::bin_unicode8:
        return push_text(Kind::text, 8);
      case Op::bin_string:
        return push_text(Kind::text, 4);  // Python 2's str
      case Op::short_bin_string:
        return push_text(Kind::text, 1);
      case Op::bin_bytes:
        return push_text(Kind::bytes, 4);
      case Op::short_bin_bytes:
        return push_text(Kind::bytes, 1);
      case Op::bin_bytes8:
        return push_text(Kind::bytes, 8);
      default:
        return false;
    }
  }
  bool push_text(Kind kind, std::size_t length_bytes) {
    const auto length = input_.number(length_bytes);
    return push(heap_.add_text(kind, input_.take(length)));
  }

  bool container(Op code) {
    switch (code) {
      case Op::mark:
        marks_.push_back(stack_.size());
        return true;
      case Op::empty_tuple:
        return push(heap_.add_items(Kind::tuple, {}));
      case Op::empty_list:
        return push(heap_.add_items(Kind::list, {}));
      case Op::empty_dict:
        return push(heap_.add_items(Kind::dict, {}));
      case Op::tuple:
        return push(heap_.add_items(Kind::tuple, pop_to_mark()));
      case Op::tuple1:
        return push(heap_.add_items(Kind::tuple, pop_last(1)));
      case Op::tuple2:
        return push(heap_.add_items(Kind::tuple, pop_last(2)));
      case Op::tuple3:
        return push(heap_.add_items(Kind::tuple, pop_last(3)));
      case Op::append:
        return extend(Kind::list, pop_last(1));
      case Op::appends:
        return extend(Kind::list, pop_to_mark());
      case Op::set_item:
        return extend(Kind::dict, pop_last(2));
      case Op::set_items:
        return extend(Kind::dict, pop_to_mark());
      default:
        return false;
    }
  }
  bool extend(Kind kind, const std::vector<Id>& items) {
    const auto target = top();
    if (!heap_.is(target, kind)) {
      strange(fmt::format("items for a {} are given to {}", kind == Kind::list ? "list" : "dict", heap_.kind_name(target)));
    }
    if (kind == Kind::dict && items.size() % 2 != 0) damaged("a key without a value");
    auto& all = heap_.mutable_items(target);
    all.insert(all.end(), items.begin(), items.end());
    return true;
  }

  bool memo(Op code) {
    switch (code) {
      case Op::bin_get:
        return recall(input_.number(1));
      case Op::long_bin_get:
        return recall(input_.number(4));
      case Op::bin_put:
        return memo_[input_.number(1)] = top(), true;
      case Op::long_bin_put:
        return memo_[input_.number(4)] = top(), true;
      case Op::memoize:
        return memo_[memo_.size()] = top(), true;
      default:
        return false;
    }
  }
  bool recall(std::uint64_t number) {
    const auto found = memo_.find(number);
    if (found == memo_.end()) damaged(fmt::format("memo {} is read before it is written", number));
    return push(found->second);
  }

  bool outside(Op code) {
    switch (code) {
      case Op::global: {
        auto name = input_.line();
        name += '.' + input_.line();
        return push_global(name);
      }
      case Op::stack_global: {
        const auto names = pop_last(2);
        for (const auto id : names) {
          if (!heap_.is(id, Kind::text)) damaged(fmt::format("a global's name is {}", heap_.kind_name(id)));
        }
        return push_global(heap_.text(names[0]) + '.' + heap_.text(names[1]));
      }
      case Op::reduce:
        return call(pop_last(2));
      case Op::bin_pers_id:
        return persistent(pop());
      case Op::build:
        return build(pop());
      default:
        return false;
    }
  }
  bool push_global(const std::string& name) {
    const auto known = placed([&] { return vocabulary_.global(name); });
    if (!known) strange(fmt::format("global {} is none that a state dict of plain tensors needs", printable(name)));
    return push(heap_.add({Kind::global, *known, 0}));
  }
  bool call(const std::vector<Id>& operands) {
    if (!heap_.is(operands[0], Kind::global)) strange(fmt::format("a call of {}", heap_.kind_name(operands[0])));
    if (!heap_.is(operands[1], Kind::tuple)) damaged(fmt::format("the arguments of a call are {}", heap_.kind_name(operands[1])));
    return push(placed([&] { return vocabulary_.call(heap_, operands[0], operands[1]); }));
  }
  bool persistent(Id id) {
    return push(placed([&] { return vocabulary_.persistent(heap_, id); }));
  }
  bool build(Id state) {
    const auto object = top();
    placed([&] { vocabulary_.build(heap_, object, state); });
    return true;
  }

  Input& input_;
  Vocabulary& vocabulary_;
  Heap& heap_;
  std::uint64_t begin_ = 0;  // of the present opcode
  Id none_, no_, yes_;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Id> memo_;
};

}  // namespace

Id run(Input& input, Vocabulary& vocabulary, Heap& heap) {
  return Machine{input, vocabulary, heap}.run();
}

}  // namespace dare::checkpoint::pickle
