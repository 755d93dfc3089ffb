#pragma once
/// What can be said of the command of `evaluate` before anything is made.

#include <string>

namespace dare::sweep {

/// Refuses {checkpoint} within quotes of the shell where checkpoints in that folder need quotes of their own, which would end the others.
/// Pure. @throws UsageError
void refuse_quoted_placeholder(const std::string& command, const std::string& folder);

/// Refuses a word in braces that is neither {checkpoint} nor {point} where the shell would pass it on as it is; within quotes, where
/// programs have braces of their own, only a slip of the hand for {checkpoint}. Pure. @throws UsageError
void refuse_unknown_placeholder(const std::string& command);

/// Refuses a command whose first word is no program: neither a file that can be executed nor anything that the shell knows or finds on the
/// PATH; and one whose interpreter is given a script that is not there. What needs the shell to be understood (quotes, variables) is not
/// judged. Local: asks the shell. @throws UsageError
void refuse_missing_program(const std::string& command);

}  // namespace dare::sweep
