# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the references of tests/core/model/test_families.cpp with transformers (float32, CPU) and the `gguf` package.

Usage: make_families.py

Writes below tests/data/model/families:
  WEIGHTS.safetensors   tiny random checkpoints, one a family, in F16 (every value is exact there)
  WEIGHTS.gguf          the same weights under llama.cpp's names and in its layout
  CASE.json             config.json of a case as transformers writes it (`config`), in the older form where there is one
                        (`older`), token sequences with a common beginning, outputs of every block and logits at some positions,
                        and greedy continuations
Sequences are longer than the windows and reach beyond the contexts that rotary scalings change at.
"""
import copy
import json
import os

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import (Gemma2Config, Gemma3Config, Gemma3TextConfig, GemmaConfig, LlamaConfig, MistralConfig, Phi3Config,
                          Qwen2Config, Qwen3Config)
from transformers import (Gemma2ForCausalLM, Gemma3ForCausalLM, Gemma3ForConditionalGeneration, GemmaForCausalLM,
                          LlamaForCausalLM, MistralForCausalLM, Phi3ForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM)

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "model", "families")
VOCABULARY = 40
NEW_TOKENS = 10
PREFIX = [5, 17, 3, 31, 9, 27, 30, 12, 20, 8, 21, 33, 4, 39, 25, 16, 7, 28, 24]
LENGTHS = (26, 45)
COMMON = dict(vocab_size=VOCABULARY, bos_token_id=1, eos_token_id=2, pad_token_id=0)
SMALL = dict(hidden_size=16, intermediate_size=20, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, **COMMON)
GEMMA = dict(SMALL, head_dim=6, max_position_embeddings=64)
SHORT, LONG = [1.0, 1.1, 1.25], [1.5, 3.0, 6.0]


def numbers(tensor):
    return [float(f"{value:.7g}") for value in tensor.flatten().tolist()]


def sequences():
    generator = torch.Generator().manual_seed(7)
    return [PREFIX + torch.randint(3, VOCABULARY, (length - len(PREFIX),), generator=generator).tolist() for length in LENGTHS]


def exact(tensor):
    """Values that bfloat16 and float16 both hold."""
    rounded = tensor.bfloat16().float()
    return torch.where(rounded.abs() < 1e-3, torch.zeros_like(rounded), rounded)


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    adds_one = "Gemma" in type(model).__name__
    for name, parameter in model.named_parameters():
        noise = torch.empty_like(parameter)
        if "norm" in name and parameter.dim() == 1:
            noise.uniform_(-0.5, 0.5, generator=generator)
            noise += 0.0 if adds_one else 1.0
        else:
            noise.normal_(0, 0.6 if "embed" in name else 0.3, generator=generator)
        parameter.data = exact(noise)
    return model.float().eval()


@torch.no_grad()
def block_outputs(model, tokens):
    layers = model.model.language_model.layers if hasattr(model.model, "language_model") else model.model.layers
    outputs = []
    hooks = [layer.register_forward_hook(lambda _, __, out: outputs.append(out[0] if isinstance(out, tuple) else out))
             for layer in layers]
    logits = model(torch.tensor([tokens]), use_cache=False).logits[0]
    for hook in hooks:
        hook.remove()
    return torch.stack([o.reshape(len(tokens), -1) for o in outputs]), logits


@torch.no_grad()
def greedy(model, tokens):
    ids = torch.tensor([tokens])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=0)
    answer = out[0, len(tokens):].tolist()
    return answer[:answer.index(2)] if 2 in answer else answer


def write_case(name, weights, model, older=None):
    config = json.loads(model.config.to_json_string(use_diff=False))
    cases = []
    for tokens in sequences():
        outputs, logits = block_outputs(model, tokens)
        positions = sorted({13, len(tokens) - 9, len(tokens) - 1})
        cases.append({"tokens": tokens, "positions": positions,
                      "blocks": [[numbers(block[p]) for p in positions] for block in outputs],
                      "logits": [numbers(logits[p]) for p in positions], "greedy": greedy(model, tokens)})
    case = {"weights": weights, "config": config, "cases": cases}
    if older is not None:
        case["older"] = older
    with open(os.path.join(DATA, name + ".json"), "w") as file:
        json.dump(case, file, separators=(",", ":"))
        file.write("\n")


def save_weights(model, name):
    tied = model.config.get_text_config().tie_word_embeddings
    state = {key: value.half().contiguous() for key, value in model.state_dict().items()
             if not (tied and key.endswith("lm_head.weight"))}
    if "conditional" in type(model).__name__.lower():
        # The names that save_pretrained gives are those of published files.
        from safetensors.torch import load_file
        folder = os.path.join(DATA, "saved")
        model.half().save_pretrained(folder)
        state = load_file(os.path.join(folder, "model.safetensors"))
        model.float()
        for file in os.listdir(folder):
            os.remove(os.path.join(folder, file))
        os.rmdir(folder)
    save_file(state, os.path.join(DATA, name + ".safetensors"), metadata={"format": "pt"})


GGUF_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "self_attn.qkv_proj": "attn_qkv", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.gate_up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "post_attention_layernorm": "ffn_norm",
}
GGUF_POST_NAMES = {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
                   "post_feedforward_layernorm": "post_ffw_norm"}


def gguf_name(name, post_norms):
    outer = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}
    if name in outer:
        return outer[name]
    _, _, block, rest = name.split(".", 3)
    stem, kind = rest.rsplit(".", 1)
    names = dict(GGUF_NAMES, **GGUF_POST_NAMES) if post_norms else GGUF_NAMES
    return f"blk.{block}.{names[stem]}.{kind}"


def permuted(array, heads):
    """llama.cpp's order of the rows of queries and keys."""
    return array.reshape(heads, 2, array.shape[0] // heads // 2, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)


def write_gguf(model, name, arch, extra=None, factors=None):
    config = model.config
    writer = gguf.GGUFWriter(os.path.join(DATA, name + ".gguf"), arch)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    for add in extra or []:
        add(writer)
    post_norms = arch in ("gemma2", "gemma3")
    for key, value in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        array = value.float().numpy()
        if arch == "llama" and ".q_proj." in key:
            array = permuted(array, config.num_attention_heads)
        if arch == "llama" and ".k_proj." in key:
            array = permuted(array, config.num_key_value_heads)
        if "norm" in key and arch.startswith("gemma"):
            array = array + 1.0
        writer.add_tensor(gguf_name(key, post_norms), array.astype(np.float16 if array.ndim == 2 else np.float32))
    for tensor, values in (factors or {}).items():
        writer.add_tensor(tensor, np.array(values, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def older_form(config, **changes):
    """config.json as transformers 4 wrote it: rope_theta and rope_scaling."""
    older = {key: value for key, value in config.items() if key not in ("rope_parameters", "layer_types")}
    older.update(changes)
    return {key: value for key, value in older.items() if value != "absent"}


def build(model_class, config, seed):
    config._attn_implementation = "eager"
    torch.manual_seed(seed)
    return randomise(model_class(config), seed)


def plain(model):
    return json.loads(model.config.to_json_string(use_diff=False))


def with_rope(model, rope, **options):
    """The same weights under other rotary positions."""
    fields = {key: value for key, value in model.config.to_dict().items() if key not in ("rope_parameters", "architectures")}
    fields.update(options)
    config = type(model.config)(**fields, rope_parameters=copy.deepcopy(rope))
    config._attn_implementation = "eager"
    other = type(model)(config).float().eval()
    other.load_state_dict(model.state_dict())
    return other


def make_llama():
    model = build(LlamaForCausalLM, LlamaConfig(**SMALL, head_dim=8, max_position_embeddings=64, attention_bias=True, mlp_bias=True,
                                                rope_parameters={"rope_type": "default", "rope_theta": 1000.0}), 1)
    save_weights(model, "llama")
    write_case("llama", "llama", model, older_form(plain(model), rope_theta=1000.0))
    scalings = {
        "linear": ({"factor": 2.5}, {}),
        "dynamic": ({"factor": 2.5}, {"max_position_embeddings": 24}),
        "llama3": ({"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}, {}),
        "yarn": ({"factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 4.0}, {}),
        "yarn_given": ({"factor": 3.0, "original_max_position_embeddings": 24, "attention_factor": 1.3, "beta_fast": 3.0,
                        "beta_slow": 0.5}, {}),
    }
    for name, (numbers_of_scaling, options) in scalings.items():
        kind = name.split("_")[0]
        rope = {"rope_type": kind, "rope_theta": 1000.0, **numbers_of_scaling}
        scaled = with_rope(model, rope, **options)
        older = older_form(plain(scaled), rope_theta=1000.0, rope_scaling={"type" if kind == "linear" else "rope_type": kind, **numbers_of_scaling})
        write_case("llama_" + name, "llama", scaled, older)
    # Published files have the divisors of llama3 scaling as a tensor; these are those of the usual context of 8192.
    rope = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192}
    scaled = with_rope(model, rope)
    divisors = []
    for i in range(4):
        wavelength = 2 * np.pi * 10000.0 ** (2 * i / 8)
        smooth = (8192 / wavelength - 1.0) / 3.0
        divisors.append(1.0 if wavelength < 2048 else 8.0 if wavelength > 8192 else 1 / ((1 - smooth) / 8 + smooth))
    write_gguf(scaled, "llama", "llama", [lambda w: w.add_rope_freq_base(10000.0), lambda w: w.add_rope_dimension_count(8)],
               {"rope_freqs.weight": divisors})
    write_case("llama_gguf", "llama", scaled)


def make_mistral():
    model = build(MistralForCausalLM, MistralConfig(**SMALL, max_position_embeddings=64, head_dim=6, sliding_window=7), 2)
    save_weights(model, "mistral")
    write_case("mistral", "mistral", model, older_form(plain(model), rope_theta=10000.0))
    write_gguf(model, "mistral", "llama", [lambda w: w.add_sliding_window(7), lambda w: w.add_rope_freq_base(10000.0)])


def make_qwen():
    model = build(Qwen2ForCausalLM, Qwen2Config(**SMALL, max_position_embeddings=64, use_sliding_window=True, sliding_window=9,
                                                max_window_layers=2, tie_word_embeddings=True,
                                                rope_parameters={"rope_type": "default", "rope_theta": 1e6}), 3)
    save_weights(model, "qwen2")
    write_case("qwen2", "qwen2", model, older_form(plain(model), rope_theta=1e6))
    fields = {key: value for key, value in model.config.to_dict().items() if key != "layer_types"}
    whole = Qwen2ForCausalLM(Qwen2Config(**dict(fields, use_sliding_window=False))).float().eval()
    whole.load_state_dict(model.state_dict())
    write_gguf(whole, "qwen2", "qwen2", [lambda w: w.add_rope_freq_base(1e6)])
    write_case("qwen2_gguf", "qwen2", whole)
    model = build(Qwen3ForCausalLM, Qwen3Config(**SMALL, max_position_embeddings=64, head_dim=8,
                                                rope_parameters={"rope_type": "default", "rope_theta": 1e6}), 4)
    save_weights(model, "qwen3")
    write_case("qwen3", "qwen3", model, older_form(plain(model), rope_theta=1e6))
    write_gguf(model, "qwen3", "qwen3", [lambda w: w.add_rope_freq_base(1e6)])


def make_gemma():
    model = build(GemmaForCausalLM, GemmaConfig(**dict(GEMMA, num_key_value_heads=1)), 5)
    save_weights(model, "gemma")
    write_case("gemma", "gemma", model, older_form(plain(model), rope_theta=10000.0, hidden_act="gelu", tie_word_embeddings="absent"))
    write_gguf(model, "gemma", "gemma")
    model = build(Gemma2ForCausalLM, Gemma2Config(**GEMMA, sliding_window=7, query_pre_attn_scalar=8, attn_logit_softcapping=3.0,
                                                  final_logit_softcapping=2.0), 6)
    save_weights(model, "gemma2")
    write_case("gemma2", "gemma2", model, older_form(plain(model), rope_theta=10000.0, tie_word_embeddings="absent"))
    write_gguf(model, "gemma2", "gemma2", [lambda w: w.add_sliding_window(7), lambda w: w.add_attn_logit_softcapping(3.0),
                                           lambda w: w.add_attention_scale(8 ** -0.5), lambda w: w.add_final_logit_softcapping(2.0)])
    rope = {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}
    options = dict(dict(GEMMA, num_hidden_layers=7), sliding_window=9, query_pre_attn_scalar=8)
    model = build(Gemma3ForCausalLM, Gemma3TextConfig(**options, rope_parameters=copy.deepcopy(rope)), 7)
    save_weights(model, "gemma3")
    older = older_form(plain(model), rope_theta=1e6, rope_local_base_freq=10000.0, rope_scaling={"rope_type": "linear", "factor": 8.0},
                       sliding_window_pattern=6, tie_word_embeddings="absent")
    write_case("gemma3", "gemma3", model, older)
    write_gguf(model, "gemma3", "gemma3", [lambda w: w.add_sliding_window(9), lambda w: w.add_rope_freq_base(1e6),
                                           lambda w: w.add_attention_scale(8 ** -0.5),
                                           lambda w: w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR),
                                           lambda w: w.add_rope_scaling_factor(8.0)])
    text = dict(options, num_hidden_layers=6)
    vision = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=8, patch_size=4)
    config = Gemma3Config(text_config=dict(text, rope_parameters=copy.deepcopy(rope)), vision_config=vision, mm_tokens_per_image=1,
                          boi_token_index=37, eoi_token_index=38, image_token_index=39)
    config.text_config._attn_implementation = "eager"
    model = build(Gemma3ForConditionalGeneration, config, 8)
    save_weights(model, "gemma3_multimodal")
    write_case("gemma3_multimodal", "gemma3_multimodal", model)


def make_phi():
    options = dict(SMALL, num_attention_heads=2, num_key_value_heads=1, sliding_window=11)
    model = build(Phi3ForCausalLM, Phi3Config(**options, max_position_embeddings=64, original_max_position_embeddings=64,
                                              rope_parameters={"rope_type": "default", "rope_theta": 1000.0}), 9)
    save_weights(model, "phi3")
    write_case("phi3", "phi3", model, older_form(plain(model), rope_theta=1000.0))
    rope = {"rope_type": "longrope", "rope_theta": 1000.0, "short_factor": SHORT, "long_factor": LONG, "partial_rotary_factor": 0.75}
    # The first sequence grows out of the original context while it is continued.
    scaled = with_rope(model, rope, original_max_position_embeddings=27)
    write_case("phi3_longrope", "phi3", scaled,
               older_form(plain(scaled), rope_theta=1000.0, partial_rotary_factor=0.75, original_max_position_embeddings=27,
                          rope_scaling={"type": "longrope", "short_factor": SHORT, "long_factor": LONG}))
    attention = float(np.sqrt(1 + np.log(64 / 27) / np.log(27)))
    write_gguf(scaled, "phi3", "phi3",
               [lambda w: w.add_sliding_window(11), lambda w: w.add_rope_freq_base(1000.0), lambda w: w.add_rope_dimension_count(6),
                lambda w: w.add_rope_scaling_orig_ctx_len(27), lambda w: w.add_rope_scaling_attn_factors(attention)],
               {"rope_factors_short.weight": SHORT, "rope_factors_long.weight": LONG})


if __name__ == "__main__":
    torch.set_num_threads(2)
    os.makedirs(DATA, exist_ok=True)
    make_llama()
    make_mistral()
    make_qwen()
    make_gemma()
    make_phi()
