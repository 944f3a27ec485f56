#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny Llama and a tiny Phi-3, LoRA adapters of every kind on them, and the weights that PEFT merges.

usage: make_adapters.py FOLDER     (torch, transformers, peft 0.21, safetensors)
Writes FOLDER/llama/ and FOLDER/separate/ (models; the second is the Phi-3 with its fused projections taken apart), FOLDER/NAME/
(adapters) and FOLDER/expected.safetensors with every tensor that an adapter, or a stack of them, changes: "NAME/tensor".
"""
import json
import pathlib
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, Phi3Config, Phi3ForCausalLM

SHAPE = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=20,
             max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False, pad_token_id=0, bos_token_id=1, eos_token_id=2)
PLAIN = ["q_proj", "v_proj", "down_proj"]
ADAPTERS = {
    "plain": dict(r=4, lora_alpha=8, target_modules=PLAIN),
    "second": dict(r=2, lora_alpha=3, target_modules=["v_proj", "o_proj"]),
    "stabilized": dict(r=4, lora_alpha=8, use_rslora=True, target_modules="all-linear"),
    "patterns": dict(r=4, lora_alpha=8, target_modules=r".*\.layers\.[01]\.(self_attn\.[qk]|mlp\.up)_proj",
                     rank_pattern={"k_proj": 2, r"layers\.1\.self_attn\.q_proj": 3, "proj": 5},
                     alpha_pattern={r"model\.layers\.0\..*up_proj": 5, "q_proj": 6.5}),
    "saved": dict(r=2, lora_alpha=4, target_modules=["gate_proj"], modules_to_save=["lm_head", "norm"]),
    "biases": dict(r=2, lora_alpha=4, target_modules=["q_proj", "o_proj"], bias="all"),
    "product_bias": dict(r=2, lora_alpha=6, target_modules=["k_proj"], lora_bias=True),
    "fan": dict(r=2, lora_alpha=4, target_modules=["o_proj"], fan_in_fan_out=True),
    "dora": dict(r=2, lora_alpha=4, use_dora=True, target_modules=["q_proj", "up_proj"]),
    "embedding": dict(r=2, lora_alpha=4, target_modules=["embed_tokens", "v_proj"]),
    "fused": dict(r=2, lora_alpha=4, target_modules=["qkv_proj", "gate_up_proj"]),
    "fused_dora": dict(r=2, lora_alpha=4, use_dora=True, target_modules=["qkv_proj"]),
}
STACKS = [["plain", "second"], ["dora", "plain", "dora"]]


def shake(model):
    """Random values in place of starting ones, which change nothing."""
    for name, parameter in model.named_parameters():
        if "lora_" in name and "magnitude" not in name or ("modules_to_save" in name) or name.endswith(".bias"):
            parameter.data = torch.randn_like(parameter) * 0.3
        elif "magnitude" in name:
            parameter.data = parameter.data * (1 + 0.2 * torch.rand_like(parameter))


def take_apart(tensors):
    """Phi-3's fused projections as Llama's separate ones."""
    kv, inter = 2 * 4, SHAPE["intermediate_size"]
    out = {}
    for name, value in tensors.items():
        if "qkv_proj" in name:
            parts, names = value.split([16, kv, kv]), ["q_proj", "k_proj", "v_proj"]
            out.update({name.replace("qkv_proj", n): p.clone() for n, p in zip(names, parts)})
        elif "gate_up_proj" in name:
            out.update({name.replace("gate_up_proj", n): p.clone() for n, p in zip(["gate_proj", "up_proj"], value.split([inter, inter]))})
        else:
            out[name] = value.clone()
    return out


def merged(model, before):
    after, before = take_apart(model.state_dict()), take_apart(before)
    return {name: after[name].clone().contiguous() for name in before if not torch.equal(after[name], before[name])}


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(3)
    scratch = pathlib.Path(tempfile.mkdtemp())
    bases = {"llama": LlamaForCausalLM(LlamaConfig(**SHAPE, attention_bias=True)), "phi3": Phi3ForCausalLM(Phi3Config(**SHAPE))}
    for name, model in bases.items():
        for parameter in model.parameters():
            parameter.data = torch.randn_like(parameter) * 0.2
        model.save_pretrained(scratch / name)
    for name, source in (("llama", bases["llama"].state_dict()), ("separate", take_apart(bases["phi3"].state_dict()))):
        (folder / name).mkdir()
        config = bases["llama"].config.to_dict() | {"attention_bias": name == "llama"}
        (folder / name / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
        save_file({k: v.contiguous() for k, v in source.items()}, folder / name / "model.safetensors", metadata={"format": "pt"})
    clean = {name: {k: v.clone() for k, v in model.state_dict().items()} for name, model in bases.items()}
    expected = {}

    def fresh(name):
        bases[name].load_state_dict(clean[name])
        return type(bases[name]).from_pretrained(scratch / name)

    for name, options in ADAPTERS.items():
        base = "phi3" if name.startswith("fused") else "llama"
        model = get_peft_model(fresh(base), LoraConfig(task_type="CAUSAL_LM", **options))
        shake(model)
        model.save_pretrained(folder / name)
        (folder / name / "README.md").unlink(missing_ok=True)
        # Loaded again: what a user has is what was saved.
        again = PeftModel.from_pretrained(fresh(base), folder / name).merge_and_unload()
        for tensor, value in merged(again, clean[base]).items():
            expected[f"{name}/{tensor}"] = value
    for stack in STACKS:
        model = fresh("llama")
        for name in stack:
            model = PeftModel.from_pretrained(model, folder / name).merge_and_unload()
        for tensor, value in merged(model, clean["llama"]).items():
            expected["+".join(stack) + "/" + tensor] = value
    for tensors in folder.glob("*/adapter_config.json"):
        config = json.loads(tensors.read_text())
        config["base_model_name_or_path"] = "tiny"
        tensors.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    save_file(expected, folder / "expected.safetensors")


main()
