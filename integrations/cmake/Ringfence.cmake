# Examines drivers as a part of the build: can they live with memory integrity (HVCI)?
#
#   include(Ringfence)
#   ringfence_scan(TARGET mydriver)
#
# ringfence_scan(TARGET <target>
#   [GATE <question>...]      answers that may not be no: load, run, certify; by default what
#                             ringfence.toml says, else all three
#   [FAIL_UNKNOWN]            nor unknown
#   [TARGETS <version>...]    Windows versions to ask about, as for --target
#   [SYMBOLS <folder>...]     folders with PDBs; one beside the driver is found without
#   [REPORTS <format=file>...]  reports to write as well, such as sarif=mydriver.sarif
#   [ARGS <argument>...]      anything else that `ringfence scan` takes
# )
#
# The driver is examined after it was linked, as a part of `all`, and only when it has changed. Where a
# ringfence.toml lies in its folder or above, or ARGS names one or a baseline, it is examined at each build: an
# acceptance may have been removed, or have ended (`until`). It is not a
# POST_BUILD command: where one of those fails, the driver stands there all the same, and the next build
# finds nothing to do and succeeds. Here a driver that was objected to is examined again until it is mended.
#
# RINGFENCE_EXECUTABLE is the program; it is looked for on the PATH.

find_program(RINGFENCE_EXECUTABLE ringfence DOC "The program that examines drivers")

function(ringfence_scan)
  cmake_parse_arguments(PARSE_ARGV 0 scan "FAIL_UNKNOWN" "TARGET" "GATE;TARGETS;SYMBOLS;REPORTS;ARGS")
  if(scan_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ringfence_scan: what is ${scan_UNPARSED_ARGUMENTS}?")
  endif()
  if(NOT scan_TARGET OR NOT TARGET "${scan_TARGET}")
    message(FATAL_ERROR "ringfence_scan: TARGET has to be one that there is, not '${scan_TARGET}'")
  endif()
  if(NOT RINGFENCE_EXECUTABLE)
    message(FATAL_ERROR "ringfence_scan: ringfence is not on the PATH; set RINGFENCE_EXECUTABLE")
  endif()

  set(arguments --format msvc)
  if(scan_GATE)
    list(JOIN scan_GATE "," questions)
    list(APPEND arguments --gate "${questions}")
  endif()
  if(scan_FAIL_UNKNOWN)
    list(APPEND arguments --fail-unknown)
  endif()
  if(scan_TARGETS)
    list(JOIN scan_TARGETS "," versions)
    list(APPEND arguments --target "${versions}")
  endif()
  foreach(folder IN LISTS scan_SYMBOLS)
    list(APPEND arguments --symbols "${folder}")
  endforeach()
  foreach(report IN LISTS scan_REPORTS)
    list(APPEND arguments --report "${report}")
  endforeach()
  list(APPEND arguments ${scan_ARGS})

  _ringfence_settings("${scan_TARGET}" settings)
  set(command "${RINGFENCE_EXECUTABLE}" scan ${arguments} -- "$<TARGET_FILE:${scan_TARGET}>")
  set(comment "Examining ${scan_TARGET} for memory integrity")
  if(settings OR scan_ARGS MATCHES "--(config|baseline)")
    add_custom_target("${scan_TARGET}-ringfence" ALL COMMAND ${command} COMMENT "${comment}" VERBATIM)
    add_dependencies("${scan_TARGET}-ringfence" "${scan_TARGET}")
    return()
  endif()
  set(stamp "${CMAKE_CURRENT_BINARY_DIR}/${scan_TARGET}.ringfence")
  add_custom_command(
    OUTPUT "${stamp}"
    COMMAND ${command}
    COMMAND "${CMAKE_COMMAND}" -E touch "${stamp}"
    DEPENDS "${scan_TARGET}" "$<TARGET_FILE:${scan_TARGET}>" "${RINGFENCE_EXECUTABLE}"
    COMMENT "${comment}"
    VERBATIM
  )
  add_custom_target("${scan_TARGET}-ringfence" ALL DEPENDS "${stamp}")
endfunction()

# The settings files that could be nearest to a target's file. That one appears or goes is seen by the next build.
function(_ringfence_settings target result)
  set(folders "${CMAKE_CURRENT_BINARY_DIR}")
  get_target_property(output "${target}" RUNTIME_OUTPUT_DIRECTORY)
  if(output AND NOT output MATCHES "\\$<")
    list(APPEND folders "${output}")
  endif()
  set(candidates)
  foreach(folder IN LISTS folders)
    get_filename_component(folder "${folder}" ABSOLUTE)
    set(last)
    while(NOT folder STREQUAL last)
      list(APPEND candidates "${folder}/ringfence.toml")
      set(last "${folder}")
      get_filename_component(folder "${folder}" DIRECTORY)
    endwhile()
  endforeach()
  file(GLOB found CONFIGURE_DEPENDS ${candidates})
  set(${result} ${found} PARENT_SCOPE)
endfunction()
