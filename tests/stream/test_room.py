import gc

import numpy as np

from genoarrays.stream.room import Room

BYTES = 2**20


def lend(room, value):
    array = room((BYTES,), np.dtype(np.uint8))
    array[:] = value
    return array


def test_room__lends_memory_again_when_nothing_shows_it_any_more():
    room = Room()
    array = lend(room, 1)
    address = array.__array_interface__["data"][0]
    view = array.reshape(2, -1)[1:, ::2]
    del array
    gc.collect()
    other = lend(room, 2)
    assert other.__array_interface__["data"][0] != address
    assert (view == 1).all()
    del view
    gc.collect()
    assert lend(room, 3).__array_interface__["data"][0] == address


def test_room__small_arrays_shapes_and_types():
    room = Room()
    for shape, dtype in (((3, 4), "f4"), ((300, 400), "f4"), ((2**17,), "?"), ((0, 5), "i8")):
        array = room(shape, np.dtype(dtype))
        assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
        assert array.flags.c_contiguous
        assert array.flags.writeable
    room.close()
    del array
    assert room((2**20,), np.dtype("u1")).size == 2**20
