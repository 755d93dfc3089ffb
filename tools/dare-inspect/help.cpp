#include "help.hpp"

std::string description() {
  return "CKPT and B are a Hugging Face folder, a .safetensors or an .h5 file, a .bin or .pt. Without --base no weight is read: tensors "
         "with "
         "type, shape, size and place, totals by type, files, metadata; of a delta checkpoint of dare-convert its base, rate and seed, of "
         "a PEFT "
         "(LoRA) adapter's folder ranks and scales.\n\n"
         "With --base the product of an adapter's factors is the delta, and of a delta checkpoint the elements that it has are "
         "measured.\n\n"
         "With --base: is this model fit for DARE? Both are read, shared by the ranks; d = F - B are the deltas of the float tensors. The "
         "figures are the same at any number of ranks.";
}

std::vector<dare::app::Section> sections() {
  return {
      {"Figures",
       "",
       {{"mean |d|, max |d|", "average and largest size of a delta element"},
        {"median, 9th decile", "sizes that half and nine tenths of the elements do not exceed, to 0.4 % (JSON: all nine deciles)"},
        {"zero", "elements that equal the base's"},
        {"lost", "elements that differ, but not once F and B are rounded to the output's type (--dtype; the base's)"},
        {"|d|/|B|", "relative norm: Euclidean norm of the deltas over that of the base"},
        {"cosine", "of F and B as vectors"},
        {"noise P",
         "what dropping at rate P adds, over what the deltas do: sqrt(P/(1-P)) |d| / sqrt(sum over rows of (sum of d in the row)^2). An "
         "estimate: for inputs that are all equal it is the standard deviation that the random mask adds to an output over the delta's own "
         "part of it. Real inputs differ: compare models and rates by it."}}},
      {"Verdicts",
       "A model is fit, doubtful or unfit; each note says why. The limits and where they come from:",
       {{"mean |d| 0.002, 0.005",
         "the DARE paper (Yu et al., \"Language Models are Super Mario\", arXiv 2311.03099): supervised fine-tuning "
         "mostly stays within, and 90 % can be dropped, 99 % in the largest models"},
        {"mean |d| 0.025",
         "unfit from here on: the paper has DARE fail around 0.03 and above, as after continued pre-training, and 0.025 is the least that "
         "is 0.03 to one digit"},
        {"mean |d| 0.01",
         "examples/family (its README): at 0.004 dropping 90 % costs 1.5 points, at 0.009 it costs 6 and dropping 50 % costs "
         "1, at 0.02 dropping 50 % costs 2"},
        {"cosine 0.5", "of the weight matrices together: fine-tuned models are near 1, a wrong base is near 0"}}}};
}
