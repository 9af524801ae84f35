/* SPDX-License-Identifier: MIT
 * dataset_cifar.c - the binary versions of CIFAR-10 and CIFAR-100 (Krizhevsky 2009). A record is
 * one label byte (CIFAR-100: coarse, then fine) and the red, green and blue planes of a 32 x 32
 * image. */
#include <stdio.h>
#include <string.h>

#include "io/dataset_build.h"
#include "io/pack.h"
#include "io/path.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, CHANNELS = 3, FILES = 7, OFFICIAL = 10000 };

static const size_t bytes_most = (size_t)2 << 30;

/* files: training ones, the test file behind them, the class names last. */
typedef struct kind {
    const char *folder; /* as the official archive names it */
    const char *files[FILES];
    int train, label_bytes, classes;
} kind;

static const kind cifar10 = {
    "cifar-10-batches-bin",
    { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
      "data_batch_5.bin", "test_batch.bin", "batches.meta.txt" },
    5, 1, 10,
};

static const kind cifar100 = {
    "cifar-100-binary", { "train.bin", "test.bin", "fine_label_names.txt" }, 1, 2, 100,
};

static size_t record_bytes(const kind *k)
{
    return (size_t)k->label_bytes + CHANNELS * PLANE;
}

/* The folder or archive that holds the files: path, or the official folder in it (um_free). */
static um_status find_pack(um_ctx *ctx, const kind *k, const char *path, char **out)
{
    bool here = true;
    if (um_path_is_folder(path)) UM_TRY(um_pack_has(ctx, path, k->files, k->train + 1, &here));
    if (!here) {
        UM_TRY(um_path_join(ctx, out, path, k->folder));
        if (um_path_is_folder(*out)) return UM_OK;
        um_free(ctx, *out);
    }
    return um_strdup(ctx, out, path);
}

static um_status probe(um_ctx *ctx, const kind *k, const char *path, bool *fits)
{
    char *pack;
    *fits = false;
    UM_TRY(find_pack(ctx, k, path, &pack));
    const um_status status = um_pack_has(ctx, pack, k->files, k->train + 1, fits);
    um_free(ctx, pack);
    return status;
}

um_status um_cifar10_probe(um_ctx *ctx, const char *path, bool *fits)
{
    return probe(ctx, &cifar10, path, fits);
}

um_status um_cifar100_probe(um_ctx *ctx, const char *path, bool *fits)
{
    return probe(ctx, &cifar100, path, fits);
}

/* How many records the files first .. last - 1 have; whole ones only. */
static um_status count_records(um_ctx *ctx, const kind *k, const char *pack, const um_bytes *files,
                               int first, int last, int *count)
{
    const size_t record = record_bytes(k);
    *count = 0;
    for (int i = first; i < last; i++) {
        if (!files[i].data) continue;
        if (files[i].size == 0 || files[i].size % record != 0)
            return um_fail(ctx, UM_BAD_FILE,
                           "%s/%s: %zu bytes are no whole number of records of %zu "
                           "(cut, or not the binary version)",
                           pack, k->files[i], files[i].size, record);
        *count += (int)(files[i].size / record);
    }
    return UM_OK;
}

/* No gap in the training files; fewer than the official ones are worth a word. */
static um_status check_files(um_ctx *ctx, const kind *k, const char *pack, const um_bytes *files)
{
    int last = -1;
    for (int i = 0; i < k->train; i++)
        if (files[i].data) last = i;
    for (int i = 0; i < last; i++)
        if (!files[i].data)
            return um_fail(ctx, UM_BAD_FILE, "%s/%s: is missing (%s is there)", pack, k->files[i],
                           k->files[last]);
    if (last < 0 && !files[k->train].data)
        return um_fail(ctx, UM_BAD_FILE, "%s: has neither %s nor %s", pack, k->files[0],
                       k->files[k->train]);
    if (last >= 0 && last + 1 < k->train && files[0].size == OFFICIAL * record_bytes(k))
        um_log(ctx, UM_LOG_WARNING, "%s: %s to %s are missing", pack, k->files[last + 1],
               k->files[k->train - 1]);
    return UM_OK;
}

/* One file's records as images `at` and following; planes become [h, w, c]. */
static um_status take_records(um_dataset *ds, const kind *k, const char *pack, const char *name,
                              um_bytes file, int *at)
{
    const size_t record = record_bytes(k), stride = um_dataset_stride(ds);
    for (size_t i = 0; i < file.size / record; i++, (*at)++) {
        const uint8_t *label = file.data + i * record, *planes = label + k->label_bytes;
        uint8_t *out = ds->pixels + (size_t)*at * stride;
        ds->labels[*at] = label[k->label_bytes - 1];
        if (ds->labels[*at] >= k->classes)
            return um_fail(ds->ctx, UM_BAD_FILE, "%s/%s: record %zu has label %d (0 to %d)", pack,
                           name, i, ds->labels[*at], k->classes - 1);
        for (size_t p = 0; p < PLANE; p++)
            for (size_t c = 0; c < CHANNELS; c++) out[p * CHANNELS + c] = planes[c * PLANE + p];
    }
    return UM_OK;
}

/* One name a line, as many as there are classes; blank lines do not count. */
static um_status take_names(um_dataset *ds, const kind *k, const char *pack, const char *name,
                            um_bytes file)
{
    int count = 0;
    UM_TRY(um_alloc(ds->ctx, &ds->class_names, (size_t)k->classes, sizeof *ds->class_names,
                    "names of classes"));
    for (size_t at = 0; at < file.size;) {
        size_t end = at;
        while (end < file.size && file.data[end] != '\n') end++;
        size_t n = end - at;
        while (n > 0 && file.data[at + n - 1] <= ' ') n--;
        if (n > 0 && count < k->classes) {
            UM_TRY(um_alloc(ds->ctx, &ds->class_names[count], n + 1, 1, "a name of a class"));
            memcpy(ds->class_names[count], file.data + at, n);
        }
        count += n > 0;
        at = end + 1;
    }
    if (count != k->classes)
        return um_fail(ds->ctx, UM_BAD_FILE, "%s/%s: %d names (%d classes need one each)", pack,
                       name, count, k->classes);
    return UM_OK;
}

static um_status take_files(um_dataset *ds, const kind *k, const char *pack, um_bytes *files)
{
    const int test = k->train, names = k->train + 1;
    int count, held, at = 0;
    UM_TRY(check_files(ds->ctx, k, pack, files));
    UM_TRY(count_records(ds->ctx, k, pack, files, 0, test, &count));
    UM_TRY(count_records(ds->ctx, k, pack, files, test, test + 1, &held));
    if (count == 0) count = held, held = 0; /* the test file alone is trained on */
    UM_TRY(um_dataset_reserve(ds, count, held, SIDE, SIDE, CHANNELS, true));
    ds->classes = k->classes;
    for (int i = 0; i <= test; i++) {
        UM_TRY(take_records(ds, k, pack, k->files[i], files[i], &at));
        um_free(ds->ctx, files[i].data); /* as much again as the images: given back at once */
        files[i] = (um_bytes){ 0 };
    }
    return files[names].data ? take_names(ds, k, pack, k->files[names], files[names]) : UM_OK;
}

static um_status load(um_ctx *ctx, const kind *k, const char *path, um_dataset *out)
{
    um_bytes files[FILES] = { 0 };
    char *pack;
    UM_TRY(find_pack(ctx, k, path, &pack));
    um_status status = um_pack_read(ctx, pack, k->files, k->train + 2, bytes_most, files);
    if (status == UM_OK) status = take_files(out, k, pack, files);
    for (int i = 0; i < FILES; i++) um_free(ctx, files[i].data);
    um_free(ctx, pack);
    return status;
}

um_status um_cifar10_load(um_ctx *ctx, const char *path, const um_dataset_options *options,
                          um_dataset *out)
{
    (void)options;
    return load(ctx, &cifar10, path, out);
}

um_status um_cifar100_load(um_ctx *ctx, const char *path, const um_dataset_options *options,
                           um_dataset *out)
{
    (void)options;
    return load(ctx, &cifar100, path, out);
}
