#include "help.hpp"

namespace dare::score {

std::vector<app::Section> sections() {
  return {
      {"Tasks and what they give",
       "",
       {{"cola", "Matthews correlation, accuracy; labels 0, 1"},
        {"sst2, wnli", "accuracy; labels 0, 1"},
        {"mrpc, qqp", "accuracy, F1 of label 1; labels 0, 1"},
        {"stsb", "Pearson, Spearman; numbers"},
        {"mnli, mnli-mm", "matched, mismatched accuracy; entailment 0, neutral 1, contradiction 2"},
        {"qnli, rte", "accuracy; entailment 0, not_entailment 1"},
        {"classification", "accuracy, macro F1, Matthews; any labels; --positive LABEL adds the F1 of that class"},
        {"correlation", "Pearson, Spearman; any numbers"},
        {"gsm8k", "exact match of the number after \"####\", else of the last number of the text"},
        {"math", "exact match of the answer in the last \\boxed{}, else after \"answer is\", else of the whole text"},
        {"exact-match", "exact match of texts; runs of spaces count as one"},
        {"pass-at-k", "pass@k; results of samples"},
        {"alpaca-eval", "win rate, its standard error; a tie is a half"},
        {"humaneval, mbpp", "pass@k; runs the samples"}}},
      {"Files of data",
       R"(By the name's ending: .jsonl (an object a line), .json (an array of objects), .csv (RFC 4180), .tsv (as GLUE's, no quoting), .txt (a
value a line). Tables have a header; GLUE's CoLA, which has none, is known. PREDICTIONS and REFERENCES are matched by the first of id,
index, idx, task_id, question_id that both have (or --id); else an index in PREDICTIONS is the row of REFERENCES, from 0; else by
position. An id twice, unknown or missing is an error. A GLUE submission fits as PREDICTIONS:

  index<TAB>prediction
  0<TAB>entailment
)",
       {{"PREDICTIONS", "a field prediction, pred, output, completion, generation, response, label or answer (or --prediction-field)"},
        {"REFERENCES",
         "GLUE's own dev.tsv fits (label, gold_label, Quality, is_duplicate, score); so do GSM8K's and MATH's JSONL (answer, "
         "solution). Labels may be names or the numbers above."},
        {"RESULTS",
         "pass-at-k: {\"task_id\": \"HumanEval/0\", \"passed\": true}, a line a sample; PROBLEMS, where given, must be the same "
         "tasks"},
        {"ANNOTATIONS",
         "alpaca-eval: {\"preference\": 2}: 1 the baseline won, 2 the model won, 1.5 (or 0) a tie, between: weighted; null is "
         "left out"},
        {"SAMPLES",
         "humaneval: {\"task_id\": \"HumanEval/0\", \"completion\": \"    return 1\\n\"}, or \"solution\": a whole program; mbpp: "
         "{\"task_id\": 11, \"completion\": \"def remove_Occ(s, ch): ...\"}"},
        {"PROBLEMS", "HumanEval.jsonl (task_id, prompt, entry_point, test); mbpp.jsonl (task_id, test_list, test_setup_code)"}}},
      {"Answers",
       R"(Numbers: sign, currency, thousands commas, needless zeros and what follows (a unit, %) do not matter: $1,200.00 is 1200.

MATH: the normalisations of Hendrycks et al. (2021) and of Minerva: \dfrac12 is 1/2, 12\text{ cm} is 12, x = 5 is 5, 10,000 is 10000.
)"},
      {"Where a measure has no value",
       R"(No examples, or a prediction that is empty, NaN or infinite where a number is needed: an error, exit code 3.

F1 where nothing is or was predicted positive, Matthews where all is one class: 0, with a note (as scikit-learn).

A correlation with a constant, or of one example: "no value" (JSON: null), with a note.

Intervals are percentiles of resamples; resamples without a value are left out and counted in a note.
)"},
      {"Running programs",
       R"(humaneval and mbpp run code that a model wrote. Each program has processes of its own, an empty scratch folder, no sockets, limits on
time, memory, files, output and processes, and an unprivileged user where you are root; all it started is killed at its end. Your
home, /tmp, /var/tmp, /run and most of /dev are empty to it; other files that its user (you, where you are not root) may read it can read.
Where this system allows no namespaces or no seccomp, dare-score says on stderr what is left open. A program passes when all its
statements ran; one that exits before is a failure. That finds mistakes; a program made to look into its interpreter can pass
without running. No limit makes hostile code harmless: use a machine that may be lost.

The result of each sample is kept: {"task_id", "sample", "passed", "result": passed | failed | timeout | memory | output, "detail", "elapsed_s"}.
)"},
  };
}

}  // namespace dare::score
