/* SPDX-License-Identifier: MIT
 * dataset_idx.c - IDX files as MNIST has them (yann.lecun.com/exdb/mnist): four bytes of type and
 * dimensions, sizes in big-endian 32 bits, the values. Images have 3 dimensions [N, H, W], or 4
 * with channels [N, H, W, C]; labels have one. */
#include <stdio.h>
#include <string.h>

#include "io/dataset_build.h"
#include "io/gzip.h"
#include "io/path.h"

enum { BYTES = 8 /* the type code of unsigned bytes */, HEADER_MOST = 4 + 4 * 4 };

static const size_t bytes_most = (size_t)4 << 30;

/* One file, taken apart. */
typedef struct idx {
    um_bytes file;
    int rank;
    uint32_t size[4];
    size_t header;
    uint64_t told; /* bytes of values, by the header; UINT64_MAX: more than can be */
    const uint8_t *values;
} idx;

/* Images and, where they are, labels. */
typedef struct part {
    idx images, labels;
} part;

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Rank, sizes and what they make, from the first n bytes of a file. */
static um_status parse_header(um_ctx *ctx, const char *path, const uint8_t *p, size_t n, idx *x)
{
    if (n < 4 || p[0] || p[1] || p[2] != BYTES || p[3] < 1 || p[3] > 4)
        return um_fail(ctx, UM_BAD_FILE,
                       "%s: no IDX file of bytes (it should begin with 00 00 08 and 1, 3 or 4)",
                       path);
    x->rank = p[3];
    x->header = 4 + 4 * (size_t)x->rank;
    if (n < x->header) return um_fail(ctx, UM_BAD_FILE, "%s: cut in its header", path);
    x->told = 1;
    bool overflow = false;
    for (int i = 0; i < x->rank; i++) {
        x->size[i] = big_endian(p + 4 + 4 * i);
        overflow |= __builtin_mul_overflow(x->told, (uint64_t)x->size[i], &x->told);
    }
    if (overflow) x->told = UINT64_MAX;
    return UM_OK;
}

/* One file, whose header says how much of it is read at most: a byte of a .gz may unpack to a
 * thousand. */
static um_status read_idx(um_ctx *ctx, const char *path, idx *x)
{
    uint8_t head[HEADER_MOST];
    const size_t n = um_gzip_peek(path, head, sizeof head);
    size_t most = HEADER_MOST;
    if (parse_header(ctx, path, head, n, x) == UM_OK)
        most = x->told < bytes_most - HEADER_MOST ? x->header + (size_t)x->told + 1 : bytes_most;
    um_bytes *f = &x->file;
    UM_TRY(um_gzip_read(ctx, path, most, f));
    UM_TRY(parse_header(ctx, path, f->data, f->size, x));
    if (x->told != f->size - x->header)
        return um_fail(ctx, UM_BAD_FILE,
                       "%s: %zu bytes of values, but its header tells of %s%llu (cut?)", path,
                       f->size - x->header, x->told == UINT64_MAX ? "more than " : "",
                       (unsigned long long)x->told);
    x->values = f->data + x->header;
    return UM_OK;
}

/* Is it the name of a file of images? */
static bool names_images(const char *name)
{
    return strstr(name, "images") && (strstr(name, "idx3") || strstr(name, "idx4"));
}

static bool names_test(const char *name)
{
    return strstr(name, "t10k") || strstr(name, "test");
}

/* text with the last `from` in its file name replaced, as a copy; *out NULL where there is none. */
static um_status replaced(um_ctx *ctx, char **out, const char *text, const char *from,
                          const char *to)
{
    const char *slash = strrchr(text, '/'), *at = NULL;
    for (const char *p = slash ? slash + 1 : text; (p = strstr(p, from)); p++) at = p;
    *out = NULL;
    if (!at) return UM_OK;
    const size_t room = strlen(text) + strlen(to) + 1;
    UM_TRY(um_alloc(ctx, out, room, 1, "a path"));
    snprintf(*out, room, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return UM_OK;
}

/* *path, or the same with .gz added or taken away, whichever is there; *path becomes NULL if
 * there is none. */
static um_status existing(um_ctx *ctx, char **path)
{
    if (!*path || um_path_is_file(*path)) return UM_OK;
    char *other = NULL;
    const size_t n = strlen(*path);
    if (um_path_ends_with(*path, ".gz")) {
        (*path)[n - 3] = '\0';
        if (um_path_is_file(*path)) return UM_OK;
    } else {
        UM_TRY(um_alloc(ctx, &other, n + 4, 1, "a path"));
        snprintf(other, n + 4, "%s.gz", *path);
    }
    um_free(ctx, *path);
    *path = other;
    if (other && !um_path_is_file(other)) {
        um_free(ctx, other);
        *path = NULL;
    }
    return UM_OK;
}

/* The labels' file that goes with a file of images, or NULL. */
static um_status labels_beside(um_ctx *ctx, const char *images, char **out)
{
    char *step = NULL;
    UM_TRY(replaced(ctx, &step, images, "images", "labels"));
    *out = NULL;
    if (!step) return UM_OK;
    um_status status = replaced(ctx, out, step, strstr(images, "idx4") ? "idx4" : "idx3", "idx1");
    um_free(ctx, step);
    if (status == UM_OK) status = existing(ctx, out);
    return status;
}

/* The test images that go with training images, or NULL. */
static um_status test_beside(um_ctx *ctx, const char *images, char **out)
{
    static const char *const names[] = { "t10k", "test" };
    *out = NULL;
    for (size_t i = 0; i < UM_COUNT(names) && !*out; i++) {
        UM_TRY(replaced(ctx, out, images, "train", names[i]));
        const um_status status = existing(ctx, out);
        if (status != UM_OK) return status;
    }
    return UM_OK;
}

/* The images' file of a folder: the training ones, or the test ones where they stand alone. */
static um_status images_in(um_ctx *ctx, const char *folder, char **out)
{
    um_names names;
    const char *found[2] = { NULL, NULL };
    *out = NULL;
    UM_TRY(um_folder_list(ctx, folder, &names));
    um_status status = UM_OK;
    for (int i = 0; i < names.count && status == UM_OK; i++) {
        const char *name = names.name[i];
        if (name[0] == '.' || !names_images(name)) continue;
        const char **place = &found[names_test(name)];
        if (!*place)
            *place = name;
        else if (strncmp(*place, name, strlen(*place)) != 0 || !um_path_ends_with(name, ".gz"))
            status = um_fail(ctx, UM_BAD_FILE,
                             "%s: has %s and %s (give the path of the file that is meant)",
                             folder, *place, name);
    }
    const char *name = found[0] ? found[0] : found[1];
    if (status == UM_OK && !name)
        status = um_fail(ctx, UM_BAD_FILE, "%s: no file of images in it (such as "
                         "train-images-idx3-ubyte.gz)", folder);
    if (status == UM_OK) status = um_path_join(ctx, out, folder, name);
    um_names_free(ctx, &names);
    return status;
}

um_status um_idx_probe(um_ctx *ctx, const char *path, bool *fits)
{
    uint8_t magic[4];
    *fits = false;
    if (!um_path_is_folder(path)) {
        *fits = um_gzip_peek(path, magic, 4) == 4 && !magic[0] && !magic[1] && magic[2] == BYTES;
        return UM_OK;
    }
    um_names names;
    const um_status status = um_folder_list(ctx, path, &names);
    for (int i = 0; i < names.count; i++)
        *fits |= names.name[i][0] != '.' && names_images(names.name[i]);
    um_names_free(ctx, &names);
    return status == UM_NO_MEMORY ? status : UM_OK;
}

/* Read images and the labels beside them. */
static um_status read_part(um_ctx *ctx, const char *path, part *p)
{
    char *labels = NULL;
    UM_TRY(read_idx(ctx, path, &p->images));
    if (p->images.rank < 3)
        return um_fail(ctx, UM_BAD_FILE, "%s: %d dimensions (images have 3, or 4 with channels)",
                       path, p->images.rank);
    if (p->images.size[0] == 0 || p->images.size[0] > INT32_MAX)
        return um_fail(ctx, UM_BAD_FILE, "%s: holds %u images", path, p->images.size[0]);
    for (int i = 1; i < p->images.rank; i++)
        if (p->images.size[i] < 1 || p->images.size[i] > UM_IMAGE_SIDE)
            return um_fail(ctx, UM_BAD_FILE, "%s: a side of %u (1 to %d)", path, p->images.size[i],
                           (int)UM_IMAGE_SIDE);
    um_status status = labels_beside(ctx, path, &labels);
    if (status == UM_OK && labels) {
        status = read_idx(ctx, labels, &p->labels);
        if (status == UM_OK && (p->labels.rank != 1 || p->labels.size[0] != p->images.size[0]))
            status = um_fail(ctx, UM_BAD_FILE,
                             "%s: %u labels in %d dimensions (%u in 1 would fit)",
                             labels, p->labels.size[0], p->labels.rank, p->images.size[0]);
    }
    um_free(ctx, labels);
    return status;
}

static void part_free(um_ctx *ctx, part *p)
{
    um_free(ctx, p->images.file.data);
    um_free(ctx, p->labels.file.data);
}

/* Both parts into the data set; `test` may have no images. */
static um_status take_parts(um_dataset *ds, const char *path, const part *train, const part *test)
{
    const idx *a = &train->images, *b = &test->images;
    const bool labels = train->labels.values != NULL;
    if (b->values &&
        (a->rank != b->rank || memcmp(a->size + 1, b->size + 1, 3 * sizeof a->size[0]) != 0))
        return um_fail(ds->ctx, UM_BAD_FILE, "%s: %u x %u, but the test images beside have %u x %u",
                       path, a->size[1], a->size[2], b->size[1], b->size[2]);
    if (b->values && labels != (test->labels.values != NULL))
        return um_fail(ds->ctx, UM_BAD_FILE,
                       "%s: of these and the test images beside, only one has labels",
                       path);
    const int held = b->values ? (int)b->size[0] : 0;
    const um_status status = um_dataset_reserve(ds, (int)a->size[0], held, (int)a->size[1],
                                                (int)a->size[2], a->rank == 4 ? (int)a->size[3] : 1,
                                                labels);
    if (status != UM_OK) return um_fail_at(ds->ctx, status, "%s", path);
    const size_t stride = um_dataset_stride(ds), first = (size_t)ds->count * stride;
    memcpy(ds->pixels, a->values, first);
    if (held) memcpy(ds->pixels + first, b->values, (size_t)held * stride);
    for (int i = 0; i < ds->count + held && labels; i++) {
        ds->labels[i] =
            i < ds->count ? train->labels.values[i] : test->labels.values[i - ds->count];
        ds->classes = UM_MAX(ds->classes, ds->labels[i] + 1);
    }
    return UM_OK;
}

um_status um_idx_load(um_ctx *ctx, const char *path, const um_dataset_options *options,
                      um_dataset *out)
{
    char *images = NULL, *held = NULL;
    part train = { 0 }, test = { 0 };
    (void)options;
    um_status status = um_path_is_folder(path) ? images_in(ctx, path, &images)
                                               : um_strdup(ctx, &images, path);
    if (status == UM_OK) status = read_part(ctx, images, &train);
    if (status == UM_OK) status = test_beside(ctx, images, &held);
    if (status == UM_OK && held) status = read_part(ctx, held, &test);
    if (status == UM_OK) status = take_parts(out, images, &train, &test);
    part_free(ctx, &train);
    part_free(ctx, &test);
    um_free(ctx, images);
    um_free(ctx, held);
    return status;
}
