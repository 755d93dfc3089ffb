"""A small Llama's configuration and tensors, for peers that read models by their architecture."""


class Llama:
    def __init__(self, hidden, inner, layers, vocabulary, dtype):
        self.hidden, self.inner, self.layers, self.vocabulary = hidden, inner, layers, vocabulary
        self.config = {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers,
            "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": hidden // 4, "vocab_size": vocabulary, "torch_dtype": dtype,
            "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False, "max_position_embeddings": 128, "rope_theta": 10000.0,
        }

    def shapes(self):
        """(name, shape) of each tensor."""
        yield "model.embed_tokens.weight", (self.vocabulary, self.hidden)
        for layer in range(self.layers):
            at = f"model.layers.{layer}."
            for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
                yield f"{at}self_attn.{name}.weight", (self.hidden, self.hidden)
            yield f"{at}mlp.gate_proj.weight", (self.inner, self.hidden)
            yield f"{at}mlp.up_proj.weight", (self.inner, self.hidden)
            yield f"{at}mlp.down_proj.weight", (self.hidden, self.inner)
            yield f"{at}input_layernorm.weight", (self.hidden,)
            yield f"{at}post_attention_layernorm.weight", (self.hidden,)
        yield "model.norm.weight", (self.hidden,)
        yield "lm_head.weight", (self.vocabulary, self.hidden)
