#include <dare/pipeline/plan_work.hpp>

#include <dare/merge/tensor_merger.hpp>
#include <dare/pipeline/work_cost.hpp>

#include <algorithm>

namespace dare::pipeline {

plan::Plan make_plan(const Work& work, plan::Grid grid, plan::Cluster cluster, plan::Limits limits,
                     const std::vector<std::uint64_t>& done) {
  limits.working_memory = working_memory(work);
  limits.products = work.products.size();
  // Several products take a tile one after another: its inputs and draws stay in the L2 cache meanwhile.
  if (work.products.size() > 1) limits.tile_elements = std::min(limits.tile_elements, merge::TensorMerger::k_shared_run);
  const auto todo = plan::remaining(grid, done);
  return plan::make_plan(std::move(grid), std::move(cluster), limits, todo);
}

plan::Cluster cluster_of(const comm::Communicator& world) {
  const auto node = world.split_by_node();
  // A node is known by its lowest rank in the world.
  const auto first = static_cast<int>(node.all_reduce(world.rank(), comm::Reduce::min));
  const auto firsts = world.all_gather(first);
  std::vector<int> nodes{firsts};
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  plan::Cluster cluster;
  for (const auto of : firsts)
    cluster.node_of.push_back(static_cast<int>(std::lower_bound(nodes.begin(), nodes.end(), of) - nodes.begin()));
  return cluster;
}

}  // namespace dare::pipeline
