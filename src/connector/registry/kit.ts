import { commandField, durationField, invalidField, modeField } from '../planner/field.ts'
import { folderFields, planFolder } from '../planner/plan-folder.ts'
import { planPair } from '../planner/plan-pair.ts'
import { accessOf, chainPem, plannedFile, planService } from '../planner/plan-service.ts'
import {
  accessFields,
  mailFields,
  nameValue,
  pairFields,
  pathValue,
  serviceFields,
  targetSchema,
} from '../planner/target-schema.ts'
import { wirePlan } from '../wiring/wire-plan.ts'

/** The version of the interface between Waxseal and connectors from outside. */
export const interfaceVersion = 2

/**
 * What a connector from outside is given: the planners and field groups of the built-in ones. It is handed in, not
 * imported, so that a module works beside the bundle as beside the sources.
 */
export const kit = {
  planPair,
  planService,
  planFolder,
  wirePlan,
  plannedFile,
  accessOf,
  chainPem,
  targetSchema,
  pairFields,
  folderFields,
  serviceFields,
  mailFields,
  accessFields,
  pathValue,
  nameValue,
  commandField,
  durationField,
  modeField,
  invalidField,
} as const

export type ConnectorKit = typeof kit
