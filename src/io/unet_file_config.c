/* SPDX-License-Identifier: MIT
 * unet_file_config.c - config.json in and out, key by key. */
#include "io/unet_file.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/choice.h"
#include "io/json.h"

enum { MOST = INT32_MAX };

/* Where words share a meaning, the first is written. */
static const um_choice block_words[] = { { "conv", 0 }, { "resnet", 1 }, { NULL, 0 } };
static const um_choice shift_words[] = { { "default", 0 }, { "scale_shift", 1 }, { NULL, 0 } };
static const um_choice down_words[] = { { "DownBlock2D", 0 },
                                        { "AttnDownBlock2D", 1 },
                                        { "UNetResDownBlock2D", 0 },
                                        { "UNetResAttnDownBlock2D", 1 },
                                        { NULL, 0 } };
static const um_choice up_words[] = { { "UpBlock2D", 0 },
                                      { "AttnUpBlock2D", 1 },
                                      { "UNetResUpBlock2D", 0 },
                                      { "UNetResAttnUpBlock2D", 1 },
                                      { NULL, 0 } };
static const um_choice act_words[] = { { "silu", UM_SILU }, { "swish", UM_SILU },
                                       { "mish", UM_MISH }, { "gelu", UM_GELU },
                                       { "relu", UM_RELU }, { NULL, 0 } };
static const um_choice time_words[] = { { "positional", UM_TIME_POSITIONAL },
                                        { "fourier", UM_TIME_FOURIER },
                                        { "learned", UM_TIME_LEARNED },
                                        { NULL, 0 } };
static const um_choice class_words[] = { { "timestep", UM_CLASS_TIMESTEP },
                                         { "identity", UM_CLASS_IDENTITY },
                                         { NULL, 0 } };
static const um_choice mid_words[] = { { "UNetMidBlock2D", 1 }, { NULL, 0 } };

/* A classifier is a class of our own, which diffusers has not, with a key of its own. */
static const char unet_class[] = "UNet2DModel", classifier_class[] = "UnmistClassifier",
                  classes_key[] = "num_classes";

/* A key of our own: what begins with an underscore is a note to diffusers, and to us. */
static const char null_class_key[] = "_null_class";

/* What UNet2DModel has, and what the averages of diffusers' EMAModel add, which says nothing of the
 * network. */
static const char *const known_keys[] = { "act_fn",
                                          "add_attention",
                                          "attention_head_dim",
                                          "attn_norm_num_groups",
                                          "block_out_channels",
                                          "center_input_sample",
                                          "class_embed_type",
                                          "down_block_types",
                                          "downsample_padding",
                                          "downsample_type",
                                          "dropout",
                                          "flip_sin_to_cos",
                                          "freq_shift",
                                          "in_channels",
                                          "layers_per_block",
                                          "mid_block_scale_factor",
                                          "mid_block_type",
                                          "norm_eps",
                                          "norm_num_groups",
                                          "num_class_embeds",
                                          "num_train_timesteps",
                                          "out_channels",
                                          "resnet_time_scale_shift",
                                          "sample_size",
                                          "time_embedding_dim",
                                          "time_embedding_type",
                                          "up_block_types",
                                          "upsample_type",
                                          "decay",
                                          "inv_gamma",
                                          "min_decay",
                                          "optimization_step",
                                          "power",
                                          "update_after_step",
                                          "use_ema_warmup" };

/* Is it a classifier's file? */
static bool refuse_strangers(um_json *j)
{
    const char *class = um_json_text_or(j, "_class_name", unet_class);
    const bool classifier = class && strcmp(class, classifier_class) == 0;
    const char *key;
    json_t *value;
    json_object_foreach(j->root, key, value)
    {
        size_t i = 0;
        while (i < UM_COUNT(known_keys) && strcmp(key, known_keys[i]) != 0) i++;
        const bool own = key[0] == '_' || (classifier && strcmp(key, classes_key) == 0);
        if (i == UM_COUNT(known_keys) && !own) um_json_fail(j, key, "is none of UNet2DModel's");
    }
    if (class && !classifier && strcmp(class, unet_class) != 0)
        um_json_fail(j, "_class_name", "is '%s' (UNet2DModel alone is supported, and %s)", class,
                     classifier_class);
    return classifier;
}

/* The value of a word, upper and lower case alike; a word that the table has not is a failure. */
static int word_value(um_json *j, const char *key, const um_choice *words, const char *text)
{
    if (!text) return 0;
    for (const um_choice *w = words; w->name; w++)
        if (strcasecmp(w->name, text) == 0) return w->value;
    char right[256] = "";
    for (const um_choice *w = words; w->name; w++) {
        strncat(right, w == words ? "" : ", ", sizeof right - strlen(right) - 1);
        strncat(right, w->name, sizeof right - strlen(right) - 1);
    }
    um_json_fail(j, key, "is '%.80s' (supported: %s)", text, right);
    return 0;
}

/* Absent counts as `fallback`, null as `null`. */
static int read_word(um_json *j, const char *key, const um_choice *words, int fallback, int null)
{
    if (!json_object_get(j->root, key)) return fallback;
    if (!um_json_has(j, key)) return null;
    return word_value(j, key, words, um_json_text(j, key));
}

static int read_int(um_json *j, const char *key, int fallback)
{
    return (int)um_json_int_or(j, key, fallback, 0, MOST);
}

/* null counts as not said, but for switches: to Python it is as good as False. */
static bool read_switch(um_json *j, const char *key, bool fallback)
{
    return um_json_bool_or(j, key, json_object_get(j->root, key) ? false : fallback);
}

/* A count, or null, which a configuration writes 0: a 0 in the file is another thing and
 * refused. */
static int read_count(um_json *j, const char *key)
{
    return (int)um_json_int_or(j, key, 0, 1, MOST);
}

static void read_sizes(um_json *j, um_unet_config *c)
{
    if (!um_json_has(j, "sample_size")) return;
    int size[2];
    if (!json_is_array(json_object_get(j->root, "sample_size"))) {
        c->sample_h = c->sample_w = (int)um_json_int(j, "sample_size", 1, MOST);
        return;
    }
    if (um_json_ints(j, "sample_size", size, 2) == 2) {
        c->sample_h = size[0];
        c->sample_w = size[1];
    }
    if (c->sample_h < 1 || c->sample_w < 1)
        um_json_fail(j, "sample_size", "should be a size or [height, width], from 1 on");
}

/* The types of the blocks; `levels` of them. */
static void read_types(um_json *j, const char *key, const um_choice *words, int levels,
                       bool *attention)
{
    const char *text[UM_UNET_MAX_LEVELS] = { 0 };
    const int count = um_json_texts(j, key, text, UM_UNET_MAX_LEVELS);
    if (count != levels)
        um_json_fail(j, key, "has %d entries (%d, as many as block_out_channels)", count, levels);
    for (int i = 0; i < count; i++) attention[i] = word_value(j, key, words, text[i]) != 0;
}

/* Each of the three lists may be left to diffusers' default, which has four levels. */
static void read_levels(um_json *j, um_unet_config *c)
{
    int channels[UM_UNET_MAX_LEVELS] = { 0 };
    if (um_json_has(j, "block_out_channels")) {
        c->levels = um_json_ints(j, "block_out_channels", channels, UM_UNET_MAX_LEVELS);
        memcpy(c->channels, channels, sizeof channels);
    }
    const bool down = um_json_has(j, "down_block_types"), up = um_json_has(j, "up_block_types");
    if (down) read_types(j, "down_block_types", down_words, c->levels, c->down_attention);
    if (up) read_types(j, "up_block_types", up_words, c->levels, c->up_attention);
    if (c->levels != 4 && !(down && up))
        um_json_fail(j, down ? "up_block_types" : "down_block_types", "is missing (%d levels)",
                     c->levels);
}

static void read_embeddings(um_json *j, um_unet_config *c)
{
    c->time_embedding_type =
        (um_time_embedding)read_word(j, "time_embedding_type", time_words, UM_TIME_POSITIONAL, -1);
    if ((int)c->time_embedding_type == -1)
        um_json_fail(j, "time_embedding_type", "is null (positional, fourier or learned)");
    c->time_embedding_dim = read_int(j, "time_embedding_dim", 0);
    c->freq_shift = um_json_real_or(j, "freq_shift", c->freq_shift);
    c->flip_sin_to_cos = read_switch(j, "flip_sin_to_cos", c->flip_sin_to_cos);
    c->num_class_embeds = read_count(j, "num_class_embeds");
    c->num_train_timesteps = read_count(j, "num_train_timesteps");
    const int otherwise = c->num_class_embeds ? UM_CLASS_TABLE : UM_CLASS_NONE;
    c->class_embed_type =
        (um_class_embedding)read_word(j, "class_embed_type", class_words, otherwise, otherwise);
    c->null_class = um_json_bool_or(j, null_class_key, false);
}

static void read_layers(um_json *j, um_unet_config *c)
{
    c->in_channels = read_int(j, "in_channels", c->in_channels);
    c->out_channels = read_int(j, "out_channels", c->out_channels);
    c->layers_per_block = read_int(j, "layers_per_block", c->layers_per_block);
    c->center_input_sample = read_switch(j, "center_input_sample", c->center_input_sample);
    c->mid_block = read_word(j, "mid_block_type", mid_words, 1, 0);
    c->add_attention = read_switch(j, "add_attention", c->add_attention);
    c->mid_block_scale_factor =
        um_json_real_or(j, "mid_block_scale_factor", c->mid_block_scale_factor);
    c->downsample_padding = read_int(j, "downsample_padding", c->downsample_padding);
    c->downsample_resnet = read_word(j, "downsample_type", block_words, 0, 0);
    c->upsample_resnet = read_word(j, "upsample_type", block_words, 0, 0);
    c->dropout = um_json_real_or(j, "dropout", c->dropout);
    c->act_fn = (um_activation)read_word(j, "act_fn", act_words, UM_SILU, UM_SILU);
    if (json_object_get(j->root, "attention_head_dim"))
        c->attention_head_dim = read_count(j, "attention_head_dim");
    c->norm_num_groups = read_int(j, "norm_num_groups", c->norm_num_groups);
    c->attn_norm_num_groups = read_count(j, "attn_norm_num_groups");
    c->norm_eps = um_json_real_or(j, "norm_eps", c->norm_eps);
    c->time_scale_shift = read_word(j, "resnet_time_scale_shift", shift_words, 0, 0);
}

um_status um_unet_file_read_config(um_ctx *ctx, um_unet_config *out, const char *path)
{
    um_json j;
    um_unet_config read;
    um_unet_config_default(&read);
    UM_TRY(um_json_load(&j, ctx, path));
    if (refuse_strangers(&j)) read.logits = (int)um_json_int(&j, classes_key, 1, MOST);
    read_levels(&j, &read);
    read_sizes(&j, &read);
    read_embeddings(&j, &read);
    read_layers(&j, &read);
    um_status status = j.status;
    if (status == UM_OK && um_unet_config_check(ctx, &read) != UM_OK)
        status = um_fail_at(ctx, UM_BAD_FILE, "%s", path);
    um_json_close(&j);
    if (status == UM_OK) *out = read;
    return status;
}

/* The value of a key; jansson's functions pass a NULL on and give up at the end, which is -1
 * here. */
static void put(json_t *root, bool *whole, const char *key, json_t *value)
{
    if (json_object_set_new(root, key, value) != 0) *whole = false;
}

static json_t *count_or_null(int count)
{
    return count ? json_integer(count) : json_null();
}

/* A number as Python would write it: 1, not 1.0, where diffusers' own default is whole. */
static json_t *number(double x)
{
    return x == floor(x) && fabs(x) < 1e9 ? json_integer((json_int_t)x) : json_real(x);
}

static json_t *word(const um_choice *words, int value)
{
    return json_string(um_choice_name(words, value));
}

/* The array with one more value; NULL, with both given back, where memory is short. */
static json_t *appended(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) == 0) return array;
    json_decref(array);
    return NULL;
}

static json_t *types(const um_choice *words, int levels, const bool *attention)
{
    json_t *array = json_array();
    for (int i = 0; i < levels; i++) array = appended(array, word(words, attention[i]));
    return array;
}

static json_t *size_of(const um_unet_config *c)
{
    if (c->sample_h == 0) return json_null();
    if (c->sample_h == c->sample_w) return json_integer(c->sample_h);
    return json_pack("[i,i]", c->sample_h, c->sample_w);
}

static json_t *channels_of(const um_unet_config *c)
{
    json_t *array = json_array();
    for (int i = 0; i < c->levels; i++) array = appended(array, json_integer(c->channels[i]));
    return array;
}

/* Above a level's channels attention_head_dim means one head to us, and nothing to diffusers, which
 * has null for one head everywhere: written where that is the same. */
static json_t *head_dim_of(const um_unet_config *c)
{
    const int dim = c->attention_head_dim, last = c->levels - 1;
    bool above = false, below = false;
    for (int i = 0; i < c->levels; i++) {
        const bool middle = i == last && c->mid_block && c->add_attention;
        if (!c->down_attention[i] && !c->up_attention[last - i] && !middle) continue;
        above |= dim > c->channels[i];
        below |= dim < c->channels[i];
    }
    return above && !below ? json_null() : count_or_null(dim);
}

static json_t *class_of(const um_unet_config *c)
{
    const bool named =
        c->class_embed_type == UM_CLASS_TIMESTEP || c->class_embed_type == UM_CLASS_IDENTITY;
    return named ? word(class_words, c->class_embed_type) : json_null();
}

um_status um_unet_file_write_config(um_ctx *ctx, const um_unet_config *c, const char *path)
{
    json_t *root = json_object();
    bool whole = root != NULL;
    const struct {
        const char *key;
        json_t *value;
    } entries[] = {
        { "_class_name", json_string(c->logits ? classifier_class : unet_class) },
        { "_diffusers_version", json_string("0.42.1") },
        { "act_fn", word(act_words, c->act_fn) },
        { "add_attention", json_boolean(c->add_attention) },
        { "attention_head_dim", head_dim_of(c) },
        { "attn_norm_num_groups", count_or_null(c->attn_norm_num_groups) },
        { "block_out_channels", channels_of(c) },
        { "center_input_sample", json_boolean(c->center_input_sample) },
        { "class_embed_type", class_of(c) },
        { "down_block_types", types(down_words, c->levels, c->down_attention) },
        { "downsample_padding", json_integer(c->downsample_padding) },
        { "downsample_type", word(block_words, c->downsample_resnet) },
        { "dropout", json_real(c->dropout) },
        { "flip_sin_to_cos", json_boolean(c->flip_sin_to_cos) },
        { "freq_shift", number(c->freq_shift) },
        { "in_channels", json_integer(c->in_channels) },
        { "layers_per_block", json_integer(c->layers_per_block) },
        { "mid_block_scale_factor", number(c->mid_block_scale_factor) },
        { "mid_block_type", c->mid_block ? word(mid_words, 1) : json_null() },
        { "norm_eps", json_real(c->norm_eps) },
        { "norm_num_groups", json_integer(c->norm_num_groups) },
        { "num_class_embeds", count_or_null(c->num_class_embeds) },
        { "num_train_timesteps", count_or_null(c->num_train_timesteps) },
        { "out_channels", json_integer(c->out_channels) },
        { "resnet_time_scale_shift", word(shift_words, c->time_scale_shift) },
        { "sample_size", size_of(c) },
        { "time_embedding_dim", count_or_null(c->time_embedding_dim) },
        { "time_embedding_type", word(time_words, c->time_embedding_type) },
        { "up_block_types", types(up_words, c->levels, c->up_attention) },
        { "upsample_type", word(block_words, c->upsample_resnet) },
    };
    for (size_t i = 0; i < UM_COUNT(entries); i++)
        put(root, &whole, entries[i].key, entries[i].value);
    if (c->logits) put(root, &whole, classes_key, json_integer(c->logits));
    if (c->null_class) put(root, &whole, null_class_key, json_true());
    const um_status status = um_json_save(ctx, whole ? root : NULL, path);
    json_decref(root);
    return status;
}
