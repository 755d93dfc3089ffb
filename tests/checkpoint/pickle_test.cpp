#include "checkpoint/pickle_machine.hpp"
#include "checkpoint/pytorch_objects.hpp"
#include "checkpoint/pytorch_state_dict.hpp"

#include <gmock/gmock.h>

#include <string>
#include <string_view>

namespace dare::checkpoint::pickle {
namespace {

using namespace std::string_literals;

constexpr auto k_advice = "; no code of a pickle is run; save the model's state_dict() with torch.save, or as safetensors";

struct Result {
  Heap heap;
  pytorch::Objects objects;
  Id root = 0;
};

Result read(const std::string& pickle) {
  Result result;
  Input input{std::as_bytes(std::span{pickle})};
  result.root = run(input, result.objects, result.heap);
  return result;
}

std::string refusal(const std::string& pickle) {
  try {
    static_cast<void>(read(pickle));
  } catch (const Refusal& refusal) { return refusal.what(); }
  return "not refused";
}

std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (; bytes > 0; --bytes, value >>= 8U) text += static_cast<char>(value & 0xFFU);
  return text;
}

std::string unicode(const std::string& text) {
  return "X" + little(text.size(), 4) + text;
}
std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
std::string protocol(int number, const std::string& rest) {
  return "\x80" + little(static_cast<std::uint64_t>(number), 1) + rest;
}

// A float storage "0" of 6 elements, and a tensor of it.
std::string storage() {
  return "(" + unicode("storage") + global("torch", "FloatStorage") + unicode("0") + unicode("cpu") + "K\x06tQ";
}
std::string tensor(const std::string& offset, const std::string& shape, const std::string& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage() + offset + shape + strides + "\x89" +
         global("collections", "OrderedDict") + ")RtR";
}

TEST(Pickle, ReadsPlainValues) {
  const auto result = read(protocol(5, "\x95" + little(45, 8) + "(N\x88\x89K\xffM\xff\xffJ\xff\xff\xff\xff\x8a\x02\x00\x80\x8a\x00"s +
                                           "G12345678" + unicode("a\xc3\xa4") + "\x8c\x01z" + "C\x02zz" + "])}t."));
  const auto& heap = result.heap;
  const auto items = heap.items(result.root);
  ASSERT_EQ(items.size(), 15U);
  EXPECT_TRUE(heap.is(items[0], Kind::none));
  EXPECT_EQ(heap[items[1]].integer, 1);
  EXPECT_EQ(heap[items[2]].integer, 0);
  EXPECT_EQ(heap[items[3]].integer, 255);
  EXPECT_EQ(heap[items[4]].integer, 65535);
  EXPECT_EQ(heap[items[5]].integer, -1);
  EXPECT_EQ(heap[items[6]].integer, -32768);
  EXPECT_EQ(heap[items[7]].integer, 0);
  EXPECT_TRUE(heap.is(items[8], Kind::real));
  EXPECT_EQ(heap.text(items[9]), "a\xc3\xa4");
  EXPECT_EQ(heap.text(items[10]), "z");
  EXPECT_TRUE(heap.is(items[11], Kind::bytes));
  EXPECT_TRUE(heap.is(items[12], Kind::list));
  EXPECT_TRUE(heap.is(items[13], Kind::tuple));
  EXPECT_TRUE(heap.is(items[14], Kind::dict));
}

TEST(Pickle, ReadsATensor) {
  const auto result = read(protocol(2, "}" + unicode("w") + tensor("K\x01", "K\x02\x85", "K\x03\x85") + "s."));
  const auto tensors = pytorch::state_dict(result.heap, result.root, result.objects);
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].name, "w");
  EXPECT_EQ(tensors[0].tensor->dtype, Dtype::f32);
  EXPECT_EQ(tensors[0].tensor->offset, 1U);
  EXPECT_EQ(tensors[0].tensor->shape, Shape{2});
  EXPECT_EQ(tensors[0].tensor->strides, Shape{3});
  EXPECT_EQ(result.objects.storages()[0].count, 6U);
}

TEST(Pickle, RefusesEveryOtherGlobal) {
  const auto refused = [](int byte, const std::string& name) {
    return "byte " + std::to_string(byte) + ": global " + name + " is none that a state dict of plain tensors needs" + k_advice;
  };
  const auto shell = unicode("touch /tmp/pwned") + "\x85R.";
  EXPECT_EQ(refusal(protocol(2, global("os", "system") + shell)), refused(2, "os.system"));
  EXPECT_EQ(refusal(protocol(2, global("posix", "system") + shell)), refused(2, "posix.system"));
  EXPECT_EQ(refusal(protocol(2, global("subprocess", "Popen") + shell)), refused(2, "subprocess.Popen"));
  EXPECT_EQ(refusal(protocol(2, global("__builtin__", "exec") + shell)), refused(2, "__builtin__.exec"));
  EXPECT_EQ(refusal(protocol(4,
                             "\x8c\x08"
                             "builtins\x8c\x04"
                             "eval\x93" +
                                 shell)),
            refused(18, "builtins.eval"));
  EXPECT_EQ(refusal(protocol(4, "\x8c\x09torch.hub\x8c\x04load\x93" + shell)), refused(19, "torch.hub.load"));
  EXPECT_EQ(refusal(protocol(2, global("torch", "load") + shell)), refused(2, "torch.load"));
  EXPECT_EQ(refusal(protocol(2, global("torch.storage", "_load_from_bytes") + shell)), refused(2, "torch.storage._load_from_bytes"));
  EXPECT_EQ(refusal(protocol(2, global("torch._utils", "_rebuild_qtensor") + shell)),
            "byte 2: torch._utils._rebuild_qtensor: a quantised tensor; save it after .dequantize()");
  EXPECT_EQ(refusal(protocol(2, global("numpy.core.multiarray", "scalar") + shell)), refused(2, "numpy.core.multiarray.scalar"));
  // Names are compared whole: no prefix, no attribute of an allowed one, no case folding, nothing behind a NUL.
  EXPECT_EQ(refusal(protocol(2, global("collections", "OrderedDict.fromkeys") + shell)), refused(2, "collections.OrderedDict.fromkeys"));
  EXPECT_EQ(refusal(protocol(2, global("Collections", "OrderedDict") + shell)), refused(2, "Collections.OrderedDict"));
  EXPECT_EQ(refusal(protocol(2, global("collections", "OrderedDict\0x"s) + shell)), refused(2, "collections.OrderedDict\\x00x"));
  EXPECT_EQ(refusal(protocol(2, global("", "") + shell)), refused(2, "."));
  EXPECT_EQ(refusal(protocol(2, global("m", std::string(300, 'n')) + shell)),
            "byte 5: a name of more than 255 bytes; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, global("\x1b[2J", "x") + shell)), refused(2, "\\x1b[2J.x"));
}

TEST(Pickle, RefusesEveryOtherOpcode) {
  const auto refused = [](const std::string& name) { return "byte 3: opcode " + name + " is none that a state dict needs" + k_advice; };
  const std::pair<char, std::string> opcodes[]{{'0', "POP"},
                                               {'1', "POP_MARK"},
                                               {'2', "DUP"},
                                               {'F', "FLOAT"},
                                               {'I', "INT"},
                                               {'L', "LONG"},
                                               {'P', "PERSID"},
                                               {'S', "STRING"},
                                               {'V', "UNICODE"},
                                               {'d', "DICT"},
                                               {'g', "GET"},
                                               {'i', "INST"},
                                               {'l', "LIST"},
                                               {'o', "OBJ"},
                                               {'p', "PUT"},
                                               {'\x81', "NEWOBJ"},
                                               {'\x82', "EXT1"},
                                               {'\x83', "EXT2"},
                                               {'\x84', "EXT4"},
                                               {'\x8b', "LONG4"},
                                               {'\x8f', "EMPTY_SET"},
                                               {'\x90', "ADDITEMS"},
                                               {'\x91', "FROZENSET"},
                                               {'\x92', "NEWOBJ_EX"},
                                               {'\x96', "BYTEARRAY8"},
                                               {'\x97', "NEXT_BUFFER"},
                                               {'\x98', "READONLY_BUFFER"}};
  for (const auto& [code, name] : opcodes) EXPECT_EQ(refusal(protocol(2, "("s + code + "os\nsystem\n.")), refused(name));
  EXPECT_EQ(refusal(protocol(2, "(\xff.")), "byte 3: opcode 0xff is unknown; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, "\0."s)), "byte 2: opcode 0x00 is unknown; fetch the file again");
}

TEST(Pickle, RefusesCallsOfOtherThings) {
  EXPECT_EQ(refusal(protocol(2, "})R.")), "byte 4: a call of a dict"s + k_advice);
  EXPECT_EQ(refusal(protocol(2, unicode("eval") + ")R.")), "byte 12: a call of a text"s + k_advice);
  EXPECT_EQ(refusal(protocol(2, global("torch", "FloatStorage") + ")R.")),
            "byte 23: torch.FloatStorage: a call of it; save the model's state_dict() with torch.save");
  EXPECT_EQ(refusal(protocol(2, global("torch", "float32") + ")R.")),
            "byte 18: torch.float32: a call of it; save the model's state_dict() with torch.save");
  EXPECT_EQ(refusal(protocol(2, global("collections", "OrderedDict") + "]R.")),
            "byte 28: the arguments of a call are a list; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, global("collections", "OrderedDict") + "]\x85R.")),
            "byte 29: collections.OrderedDict: 1 arguments, none is expected; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, global("torch", "Size") + ")R.")), "byte 15: torch.Size: a tuple is expected; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, global("torch._utils", "_rebuild_parameter") + "NNN\x87R.")),
            "byte 39: torch._utils._rebuild_parameter: a tensor and two more are expected; fetch the file again");
}

TEST(Pickle, RefusesAttributesOfAllButDicts) {
  EXPECT_EQ(refusal(protocol(2, ")}b.")),
            "byte 4: attributes (a dict) for a tuple; no code of a pickle is run; save the model's state_dict() with torch.save");
  EXPECT_EQ(refusal(protocol(2, "})b.")),
            "byte 4: attributes (a tuple) for a dict; no code of a pickle is run; save the model's state_dict() with torch.save");
  EXPECT_EQ(refusal(protocol(2, "}" + tensor("K\0"s, ")", ")") + "}b.")),
            "byte 123: attributes (a dict) for an object; no code of a pickle is run; save the model's state_dict() with torch.save");
  EXPECT_EQ(refusal(protocol(2, "}}b.")), "not refused");
}

TEST(Pickle, RefusesStorageThatIsNone) {
  const auto refused = [](const std::string& rest) { return refusal(protocol(2, rest + "Q.")); };
  EXPECT_EQ(refused("K\x07"), "byte 4: persistent id: no tuple that begins with a text; fetch the file again");
  EXPECT_EQ(refused("(" + unicode("module") + "t"),
            "byte 15: persistent id: a \"module\", only storages are read; save the model's state_dict() with torch.save");
  EXPECT_EQ(refused("(" + unicode("storage") + "t"),
            "byte 16: persistent id: not all of class, key, location and count; fetch the file again");
  const auto with = [&](const std::string& type, const std::string& count) {
    return refused("(" + unicode("storage") + type + unicode("0") + unicode("cpu") + count + "t");
  };
  EXPECT_EQ(with("N", "K\x06"), "byte 33: persistent id: None in the place of a storage class; fetch the file again");
  EXPECT_EQ(with(global("torch", "float32"), "K\x06"),
            "byte 47: persistent id: torch.float32 in the place of a storage class; fetch the file again");
  EXPECT_EQ(with(global("torch", "FloatStorage"), "J\xff\xff\xff\xff"),
            "byte 55: persistent id: the count is -1, a number from 0 up is expected; fetch the file again");
  EXPECT_EQ(with(global("torch", "FloatStorage"), "\x8a\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01"),
            "byte 61: persistent id: the count is an integer of more than 64 bits, an integer is expected; fetch the file again");
  EXPECT_EQ(with(global("torch", "FloatStorage"), "K\x06" + unicode("view")),
            "byte 61: persistent id: a part of a storage, as PyTorch before 0.4 saved them; save it again with a later one");
}

TEST(Pickle, RefusesTensorsThatAreNone) {
  const auto refused = [](const std::string& offset, const std::string& shape, const std::string& strides) {
    const auto text = refusal(protocol(2, tensor(offset, shape, strides) + "."));
    return text.substr(text.find(": ") + 2);
  };
  const std::string function = "torch._utils._rebuild_tensor_v2: ";
  EXPECT_EQ(refused("J\xff\xff\xff\xff", ")", ")"), function + "the offset is -1, a number from 0 up is expected; fetch the file again");
  EXPECT_EQ(refused("K\0"s, "]", ")"), function + "an extent is a list, a tuple is expected; fetch the file again");
  EXPECT_EQ(refused("K\0"s, "J\xff\xff\xff\xff\x85", "K\1\x85"),
            function + "an extent is -1, a number from 0 up is expected; fetch the file again");
  EXPECT_EQ(refused("K\0"s, "K\1\x85", "N\x85"), function + "a stride is None, an integer is expected; fetch the file again");
  EXPECT_EQ(refused("K\0"s, "K\1\x85", ")"), function + "1 extents and 0 strides; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, global("torch._utils", "_rebuild_tensor_v2") + "(tR.")),
            "byte 37: torch._utils._rebuild_tensor_v2: 0 arguments, 6 are expected; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, global("torch._utils", "_rebuild_tensor") + "(NNNNtR.")),
            "byte 38: torch._utils._rebuild_tensor: None in the place of a storage; fetch the file again");
}

TEST(Pickle, RefusesDamage) {
  EXPECT_EQ(refusal(""), "byte 0: the pickle ends after 0 bytes, 1 more were expected; fetch the file again");
  EXPECT_EQ(refusal("N."), "byte 0: does not begin with a protocol number; fetch the file again");
  EXPECT_EQ(refusal(protocol(1, ".")), "byte 0: protocol 1, 2 to 5 are known; fetch the file again");
  EXPECT_EQ(refusal(protocol(6, ".")), "byte 0: protocol 6, 2 to 5 are known; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, ".")), "byte 2: STOP with 0 values on the stack, 1 is expected; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, "NN.")), "byte 4: STOP with 2 values on the stack, 1 is expected; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, "N(.")), "byte 4: STOP with 1 values on the stack, 1 is expected; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, "N(b.")), "byte 4: a value is missing on the stack; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, "N\x86.")), "byte 3: 1 values are missing on the stack; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, "Nt.")), "byte 3: a mark is missing on the stack; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, "}(Nu.")), "byte 5: a key without a value; fetch the file again");
  EXPECT_EQ(refusal(protocol(2, "NNNs.")), "byte 5: items for a dict are given to None"s + k_advice);
  EXPECT_EQ(refusal(protocol(2, "}Na.")), "byte 4: items for a list are given to a dict"s + k_advice);
  EXPECT_EQ(refusal(protocol(2, "h\x07.")), "byte 2: memo 7 is read before it is written; fetch the file again");
  EXPECT_EQ(refusal(protocol(4, "N\x85\x93.")), "byte 4: 1 values are missing on the stack; fetch the file again");
  EXPECT_EQ(refusal(protocol(4, "NN\x93.")), "byte 4: a global's name is None; fetch the file again");
  EXPECT_EQ(refusal(protocol(4, "\x95" + little(100, 8) + "N.")), "byte 2: a frame is longer than the file; fetch the file again");
}

TEST(Pickle, LengthsAreCheckedBeforeSpaceIsMade) {
  EXPECT_EQ(refusal(protocol(2,
                             "X\xff\xff\xff\xff"
                             "abc")),
            "byte 7: the pickle ends after 10 bytes, 4294967292 more were expected; fetch the file again");
  EXPECT_EQ(refusal(protocol(4,
                             "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
                             "abc")),
            "byte 11: the pickle ends after 14 bytes, 18446744073709551612 more were expected; fetch the file again");
  EXPECT_EQ(refusal(protocol(2,
                             "\x8a\xff"
                             "abc")),
            "byte 4: the pickle ends after 7 bytes, 252 more were expected; fetch the file again");
}

TEST(Pickle, BombsStaySmall) {
  // 2^60 lists when written out: each holds the one before twice.
  std::string doubling = "]q\x01";
  for (char i = 1; i < 60; ++i) doubling += "](h"s + i + "h"s + i + "eq"s + static_cast<char>(i + 1);
  const auto nest =
      read(protocol(2, "}" + unicode("bomb") + "(" + doubling + "ts" + unicode("w") + tensor("K\0"s, "K\6\x85", "K\1\x85") + "s."));
  EXPECT_EQ(pytorch::state_dict(nest.heap, nest.root, nest.objects).size(), 1U);
  // A million lists within each other.
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += "]";
  deep += std::string(999'999, 'a');
  const auto nested = read(protocol(2, "}" + unicode("deep") + deep + "s" + unicode("w") + tensor("K\0"s, "K\6\x85", "K\1\x85") + "s."));
  EXPECT_EQ(pytorch::state_dict(nested.heap, nested.root, nested.objects).size(), 1U);
  // A dict that is its own state dict.
  const auto loop = read(protocol(2, "}q\1" + unicode("model") + "h\1s."));
  EXPECT_THROW(static_cast<void>(pytorch::state_dict(loop.heap, loop.root, loop.objects)), Refusal);
  EXPECT_EQ(refusal(protocol(2, std::string(std::size_t{1} << 24U, 'N') + ".")),
            "byte 16777216: more than 16777216 opcodes; fetch the file again");
}

TEST(StateDict, RefusesNamesThatAreNone) {
  const auto refused = [](const std::string& name) {
    const auto result = read(protocol(2, "}" + name + tensor("K\0"s, "K\6\x85", "K\1\x85") + "s."));
    try {
      static_cast<void>(pytorch::state_dict(result.heap, result.root, result.objects));
    } catch (const Refusal& refusal) { return std::string{refusal.what()}; }
    return "not refused"s;
  };
  EXPECT_EQ(refused(unicode("a\0b"s)), "tensor \"a\\x00b\": the name is no UTF-8 text without NUL; rename it");
  EXPECT_EQ(refused(unicode("\xed\xa0\x80")), "tensor \"\\xed\\xa0\\x80\": the name is no UTF-8 text without NUL; rename it");
  EXPECT_EQ(refused(unicode("\xc0\xaf")), "tensor \"\\xc0\\xaf\": the name is no UTF-8 text without NUL; rename it");
  EXPECT_EQ(refused("K\1"), "a tensor's name is an integer, a text is expected; save the model's state_dict() alone");
  EXPECT_EQ(refused(unicode("../../w")), "not refused");  // a name is no path
  EXPECT_EQ(refused(unicode("w") + "Ns" + unicode("w")), "not refused");
  EXPECT_EQ(refused(unicode("w") + tensor("K\0"s, ")", ")") + "s" + unicode("w")),
            "tensor \"w\": stands twice in the dict; fetch the file again");
}

}  // namespace
}  // namespace dare::checkpoint::pickle
